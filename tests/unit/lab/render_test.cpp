#include "lab/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"
#include "tests/support/sample_topology.hpp"

namespace nospof::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Render : public ::testing::Test {
 protected:
  std::string one(const std::string& text, const std::string& host = "web1",
                  const std::string& service = "web") {
    return render(facts_, {{text, "nginx.conf.j2", 1, "", host, service}}).at(0);
  }
  std::string error_of(const std::vector<Template>& templates) {
    try {
      render(facts_, templates);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  std::string error_of(const std::string& text) {
    return error_of({{text, "nginx.conf.j2", 1, "", "web1", "web"}});
  }

  spec::Topology topology_ = test::sample_topology();
  Facts facts_{topology_, Layout{"/lab"}, {{"db_password", "s3cret"}}};
};

TEST_F(Render, every_name_of_the_documentation) {
  const std::pair<const char*, const char*> expected[] = {
      {"{{ host.name }} {{ host.address }} {{ host.zone }} {{ host.fqdn }} {{ host.index }}",
       "lb2 198.18.0.12 a lb2.nospof.test 1"},
      {"{{ host.tier }} {{ host.observer }} {{ host.services|join(',') }}", "lb False balancer"},
      {"{% for h in hosts %}{{ h.name }}:{{ h.observer }} {% endfor %}",
       "lb1:False lb2:False web1:False client:True "},
      {"{{ host_by_name.web1.address }}", "198.18.0.21"},
      {"{{ tiers.lb|map(attribute='name')|join(',') }}", "lb1,lb2"},
      {"{{ peers|map(attribute='name')|join(',') }}", "lb1"},
      {"{{ vips.www.address }} {{ vips.www.dns_name }} {{ vips.www.owners[1].name }}",
       "198.18.0.10 www.nospof.test lb2"},
      {"{{ network.subnet }} {{ network.prefix_length }} {{ network.domain }}",
       "198.18.0.0/24 24 nospof.test"},
      {"{{ service.name }} {{ service.user }}", "balancer root"},
      {"{{ authorities.stack }}", "/lab/hosts/lb2/etc/tls/ca/stack.crt"},
      {"{{ etc }} {{ data }} {{ log }}",
       "/lab/hosts/lb2/etc /lab/hosts/lb2/data /lab/hosts/lb2/log"},
      {"{{ secrets.db_password }} {{ vars.advert }}", "s3cret 0.1"},
  };
  for (const auto& [text, result] : expected) EXPECT_EQ(one(text, "lb2", "balancer"), result);
}

TEST_F(Render, tls_paths_only_for_a_service_with_tls) {
  EXPECT_EQ(one("{{ tls.cert }} {{ tls.key }} {{ tls.ca }} {{ tls.bundle }}"),
            "/lab/hosts/web1/etc/tls/web.crt /lab/hosts/web1/etc/tls/web.key "
            "/lab/hosts/web1/etc/tls/ca/stack.crt /lab/hosts/web1/etc/tls/web.pem");
  EXPECT_THAT(error_of({{"{{ tls.cert }}", "a.j2", 1, "", "lb1", "balancer"}}),
              HasSubstr("'tls' is undefined"));
}

TEST_F(Render, blocks_leave_no_blank_lines_and_the_last_newline_stays) {
  EXPECT_EQ(one("a\n  {% if true %}\nb\n  {% endif %}\nc\n"), "a\nb\nc\n");
}

TEST_F(Render, text_without_markup_is_untouched) {
  EXPECT_EQ(one("100% {plain} 'quoted'\r\n"), "100% {plain} 'quoted'\r\n");
}

TEST_F(Render, results_come_in_order_with_plain_texts_between) {
  const auto texts = render(facts_, {{"{{ host.name }}", "", 1, "", "web1", ""},
                                     {"plain", "", 1, "", "web1", ""},
                                     {"{{ host.name }}", "", 1, "", "lb1", ""}});
  EXPECT_EQ(texts, (std::vector<std::string>{"web1", "plain", "lb1"}));
}

TEST_F(Render, more_than_a_mebibyte) {
  const std::string text = one("{% for i in range(40000) %}{{ '%064d' % i }}{% endfor %}");
  EXPECT_EQ(text.size(), 40000U * 64U);
}

TEST_F(Render, undefined_name_tells_file_line_host_and_what_was_meant) {
  EXPECT_EQ(error_of("one\ntwo {{ hst.name }}\n"),
            "nginx.conf.j2:2: 'hst' is undefined; did you mean 'host'? (rendered for host web1)");
}

TEST_F(Render, undefined_field_tells_what_was_meant_or_what_there_is) {
  EXPECT_THAT(error_of("\n\n{{ host.adress }}"),
              HasSubstr("nginx.conf.j2:3: 'adress' is undefined here; did you mean 'address'?"));
  EXPECT_THAT(error_of("{{ tiers.xyz }}"),
              HasSubstr("'xyz' is undefined here; there are: lb, web"));
}

TEST_F(Render, undefined_name_in_a_loop_and_in_a_condition) {
  EXPECT_THAT(error_of("a\n{% for h in hosts %}\nb\n{{ h.nme }}\n{% endfor %}"),
              HasSubstr("nginx.conf.j2:4: 'nme' is undefined here; did you mean 'name'?"));
  EXPECT_THAT(error_of("a\n{% if nonsense %}x{% endif %}"),
              HasSubstr("nginx.conf.j2:2: 'nonsense' is undefined"));
}

TEST_F(Render, a_template_is_no_program) {
  EXPECT_THAT(
      error_of("a\n{{ ''.__class__.__mro__ }}"),
      HasSubstr("nginx.conf.j2:2: access to attribute '__class__' of 'str' object is unsafe"));
  EXPECT_THAT(error_of("{{ self.__init__.__globals__ }}"), HasSubstr("is unsafe"));
  EXPECT_THAT(error_of("{{ range(1000000000)|list }}"), HasSubstr("Range too big"));
}

TEST_F(Render, syntax_error_tells_the_line) {
  EXPECT_THAT(error_of("a\nb\n{% for h in hosts %}\n"), HasSubstr("nginx.conf.j2:3: "));
  EXPECT_THAT(error_of("a\n{{ host.name }\n"), HasSubstr("nginx.conf.j2:2: unexpected '}'"));
}

TEST_F(Render, any_other_failure_of_a_template_tells_the_line) {
  EXPECT_THAT(error_of("a\n{{ 1 // 0 }}"), HasSubstr("nginx.conf.j2:2: ZeroDivisionError"));
}

TEST_F(Render, text_that_is_not_utf8_tells_the_line) {
  EXPECT_THAT(error_of("ok\n{{ host.name }} \xff"), HasSubstr("nginx.conf.j2:2: is not UTF-8"));
}

TEST_F(Render, all_problems_at_once_but_each_once) {
  const std::string text =
      error_of({{"{{ aaaa }}", "a.j2", 1, "", "web1", ""},
                {"{{ aaaa }}", "a.j2", 1, "", "lb1", ""},
                {"{{ bbbb }}", "topology.yaml", 73, "command of service web", "lb1", ""}});
  EXPECT_THAT(text, HasSubstr("a.j2:1: 'aaaa' is undefined"));
  EXPECT_THAT(text, HasSubstr("topology.yaml:73: 'bbbb' is undefined"));
  EXPECT_THAT(text, HasSubstr("(command of service web, rendered for host lb1)"));
  EXPECT_THAT(text, Not(HasSubstr("host lb1)\na.j2")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST_F(Render, names_like_methods_of_a_dictionary_are_found) {
  topology_.variables["items"] = "mine";
  EXPECT_EQ(one("{{ vars.items }}"), "mine");
}

TEST_F(Render, environment_of_the_caller_does_not_matter) {
  ::setenv("PYTHONPATH", "/nonexistent", 1);
  ::setenv("PYTHONHOME", "/nonexistent", 1);
  EXPECT_EQ(one("{{ host.name }}"), "web1");
  ::unsetenv("PYTHONPATH");
  ::unsetenv("PYTHONHOME");
}

TEST_F(Render, words_of_a_check) {
  EXPECT_EQ(render_words(facts_, "lb1", {"ip", "addr", "show", "to", "{{ vips.www.address }}"},
                         "role lb.vip-owner"),
            (std::vector<std::string>{"ip", "addr", "show", "to", "198.18.0.10"}));
}

TEST_F(Render, unknown_host_or_service_is_an_error) {
  EXPECT_THAT(error_of({{"{{ host }}", "", 1, "", "nowhere", ""}}), HasSubstr("no host 'nowhere'"));
  EXPECT_THAT(error_of({{"{{ host }}", "", 1, "", "web1", "gone"}}),
              HasSubstr("no service 'gone'"));
}

TEST_F(Render, a_host_without_a_tier_has_no_peers) {
  EXPECT_EQ(one("[{{ host.tier }}] {{ host.index }} {{ peers|length }}", "client", ""), "[] 0 0");
}

TEST_F(Render, secrets_are_random_and_one_per_name) {
  topology_.secrets = {"a", "b"};
  const auto first = make_secrets(topology_);
  const auto second = make_secrets(topology_);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first.at("a").size(), 32U);
  EXPECT_NE(first.at("a"), first.at("b"));
  EXPECT_NE(first.at("a"), second.at("a"));
}

TEST_F(Render, context_as_json_holds_host_and_service) {
  const std::string context = template_context(facts_, "web1", "web");
  EXPECT_THAT(context, HasSubstr(R"("service":{"name":"web","user":"root"})"));
  EXPECT_THAT(context, HasSubstr(R"("etc":"/lab/hosts/web1/etc")"));
}

}  // namespace
}  // namespace nospof::lab
