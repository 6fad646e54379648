// Plans, texts and refusals of the faults on a service's files and of an operator's own.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "fake_host.hpp"
#include "faults/config.hpp"
#include "faults/exec.hpp"
#include "faults/tls.hpp"
#include "faults/tls_terminate.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

class RecordingSigner final : public kinds::CertificateSigner {
 public:
  kinds::SignedCertificate sign(const std::string& host, const std::string& service,
                                const kinds::CertificateWish& wish) const override {
    asked.push_back(host + "/" + service);
    last = wish;
    return {"bad chain", "bad key"};
  }
  mutable std::vector<std::string> asked;
  mutable kinds::CertificateWish last;
};

kinds::StackTls tls_on(int port) {
  kinds::StackTls tls;
  tls.authority = "stack";
  tls.identity = "www.nospof.test";
  tls.port = port;
  tls.certificate = "/etc/x/own.crt";
  tls.key = "/etc/x/own.key";
  tls.bundle = "/etc/x/own.pem";
  tls.authority_file = "/etc/x/ca.crt";
  return tls;
}

class ServiceFaultPlans : public ::testing::Test {
 protected:
  ServiceFaultPlans() {
    for (const std::string host : {"web1", "web2"}) {
      kinds::StackService nginx{host, "nginx", {"nginx.conf"}, "/etc/x", {443}, {}, SIGQUIT, {}};
      nginx.reload.how = kinds::Reload::How::signal;
      nginx.reload.signal_number = SIGHUP;
      nginx.tls = tls_on(443);
      stack_.services.push_back(nginx);
    }
    kinds::StackService haproxy{"lb1", "haproxy", {"haproxy.cfg"}, "/etc/x", {443, 8404}, {},
                                0,     {}};
    haproxy.reload.how = kinds::Reload::How::signal;
    haproxy.reload.signal_number = SIGUSR2;
    haproxy.tls = tls_on(8404);
    stack_.services.push_back(haproxy);
    stack_.services.push_back({"lb1", "keepalived", {}, "/etc/x", {}, {}, SIGTERM, {}});
    stack_.signer = signer_;
  }
  std::string plan_error(const std::unique_ptr<kinds::FaultKind>& kind, const Texts& targets,
                         const std::string& service, const spec::Parameters& parameters) {
    return error_of([&] { kind->plan(targets, service, parameters, stack_); });
  }

  kinds::StackView stack_ = test::small_stack();
  std::shared_ptr<RecordingSigner> signer_ = std::make_shared<RecordingSigner>();
};

TEST_F(ServiceFaultPlans, TlsHasACertificateSignedForEachHost) {
  const auto kind = make_tls();
  const auto plan =
      kind->plan({"web1", "web2"}, "nginx", {{"mode", std::string("expired")}}, stack_);
  ASSERT_EQ(plan.placements.size(), 2U);
  EXPECT_THAT(signer_->asked, ElementsAre("web1/nginx", "web2/nginx"));
  EXPECT_LT(*signer_->last.not_before, *signer_->last.not_after);
  EXPECT_LT(*signer_->last.not_after, SystemClock().wall());
  EXPECT_FALSE(signer_->last.unknown_authority);
  const auto& placement = plan.placements.front();
  EXPECT_EQ(placement.effect,
            "nginx on web1 shows a certificate that expired yesterday on port 443; SIGHUP to the "
            "main process of nginx");
  EXPECT_EQ(placement.undo, "the files of nginx as they were; SIGHUP to the main process of nginx");
  EXPECT_EQ(placement.parameters.at("bad_chain"), "bad chain");
  EXPECT_EQ(placement.parameters.at("address"), "198.18.0.21");
  EXPECT_THAT(plan.blast_radius, ElementsAre("web1", "web2"));
  EXPECT_GT(plan.confirm_within, 1500ms) << "new processes have to start";
  EXPECT_NO_THROW(kind->make(placement.parameters));
}

TEST_F(ServiceFaultPlans, TlsWishesAreThoseOfTheMode) {
  const auto kind = make_tls();
  const auto wish = [&](const char* mode) {
    kind->plan({"web1"}, "nginx", {{"mode", std::string(mode)}}, stack_);
    return signer_->last;
  };
  EXPECT_GT(*wish("not-yet-valid").not_before, SystemClock().wall());
  EXPECT_EQ(*wish("wrong-name").only_name, "wrong-name.invalid");
  EXPECT_TRUE(wish("unknown-ca").unknown_authority);
  const auto other_key = wish("replaced-key");
  EXPECT_FALSE(other_key.not_before || other_key.only_name || other_key.unknown_authority);
}

TEST_F(ServiceFaultPlans, TlsTakesAPreparedCertificateWhereNobodyCanSign) {
  const auto kind = make_tls();
  stack_.signer.reset();
  const auto plan = kind->plan({"web1"}, "nginx", {{"mode", std::string("expired")}}, stack_);
  EXPECT_THAT(error_of([&] { kind->make(plan.placements[0].parameters); }),
              HasSubstr("give 'certificate' and 'key'"));
  const auto prepared = kind->plan({"web1"}, "nginx",
                                   {{"mode", std::string("expired")},
                                    {"certificate", std::string("/root/bad.crt")},
                                    {"key", std::string("/root/bad.key")},
                                    {"port", std::int64_t{8443}}},
                                   stack_);
  EXPECT_EQ(prepared.placements[0].parameters.at("bad_chain_file"), "/root/bad.crt");
  EXPECT_EQ(prepared.placements[0].parameters.at("port"), 8443);
  EXPECT_NO_THROW(kind->make(prepared.placements[0].parameters));
}

TEST_F(ServiceFaultPlans, TlsRefusesBadParameters) {
  const auto kind = make_tls();
  const auto refusal = [&](const spec::Parameters& parameters, const std::string& service = "nginx",
                           const std::string& host = "web1") {
    return plan_error(kind, {host}, service, parameters);
  };
  const auto mode = [](const char* name) {
    return std::pair<const std::string, spec::ParameterValue>("mode", std::string(name));
  };
  EXPECT_THAT(refusal({}), HasSubstr("mode"));
  EXPECT_THAT(refusal({mode("stale")}), HasSubstr("mode"));
  EXPECT_THAT(refusal({mode("expired"), {"key", std::string("/k")}}), HasSubstr("both"));
  EXPECT_THAT(refusal({mode("expired"), {"file", std::string("nginx.conf")}}),
              HasSubstr("belong to mode weak-protocol"));
  EXPECT_THAT(refusal({mode("missing-intermediate"),
                       {"certificate", std::string("/c")},
                       {"key", std::string("/k")}}),
              HasSubstr("takes no 'certificate'"));
  EXPECT_THAT(refusal({mode("weak-protocol")}), HasSubstr("needs 'file'"));
  EXPECT_THAT(refusal({mode("weak-protocol"),
                       {"file", std::string("nginx.conf")},
                       {"search", Texts{"a", "b"}},
                       {"replace", Texts{"c"}}}),
              HasSubstr("as many"));
  EXPECT_THAT(refusal({mode("weak-protocol"),
                       {"file", std::string("other.conf")},
                       {"search", Texts{"a"}},
                       {"replace", Texts{"c"}}}),
              HasSubstr("it has: nginx.conf"));
  EXPECT_THAT(refusal({mode("expired")}, "keepalived", "lb1"), HasSubstr("has no certificate"));
  EXPECT_THAT(refusal({mode("expired"), {"port", std::int64_t{70000}}}), HasSubstr("port"));
  EXPECT_THAT(refusal({mode("expired"), {"depth", std::int64_t{1}}}), HasSubstr("depth"));
  EXPECT_THROW(kind->make({{"mode", "expired"}}), Error);
}

TEST_F(ServiceFaultPlans, TlsIsProvedWhereTheTopologyHasATlsHop) {
  const auto tls = make_tls();
  const auto& info = tls->info();
  ASSERT_EQ(info.prove_variants.size(), 1U);
  EXPECT_EQ(info.prove_variants[0].label, "expired");
  EXPECT_EQ(info.prove_requires, spec::Requirement::tls_hop);
  for (const auto& kind : {make_tls_terminate(), make_config(), make_exec()})
    EXPECT_TRUE(kind->info().prove_variants.empty()) << kind->info().name;
}

TEST_F(ServiceFaultPlans, TlsTerminateKnowsThePathsOfTheServicesOwn) {
  const auto kind = make_tls_terminate();
  const spec::Parameters parameters{{"file", std::string("haproxy.cfg")},
                                    {"search", Texts{"bind :443"}},
                                    {"replace", Texts{"bind :443 ssl crt {bundle} # {authority}"}}};
  const auto plan = kind->plan({"lb1"}, "haproxy", parameters, stack_);
  const auto& fields = plan.placements.at(0).parameters;
  EXPECT_EQ(fields.at("replace").as_array().at(0),
            "bind :443 ssl crt /etc/x/own.pem # /etc/x/ca.crt");
  EXPECT_EQ(fields.at("port"), 443) << "not its own, where it ends TLS anyway";
  EXPECT_EQ(plan.placements[0].effect,
            "haproxy on lb1 ends TLS on port 443 with its own key; SIGUSR2 to the main process of "
            "haproxy");
  EXPECT_NO_THROW(kind->make(fields));
  EXPECT_THAT(plan_error(kind, {"lb1"}, "keepalived", parameters),
              HasSubstr("no certificate of its own"));
  EXPECT_THAT(plan_error(kind, {"lb1"}, "haproxy", {{"file", std::string("haproxy.cfg")}}),
              HasSubstr("'search'"));
}

TEST_F(ServiceFaultPlans, ConfigReachesTheFirstHostAndLaterAllOthers) {
  const auto kind = make_config();
  const spec::Parameters parameters{{"file", std::string("nginx.conf")},
                                    {"spread", spec::Duration(5s)}};
  const auto plan = kind->plan({"web1", "web2"}, "nginx", parameters, stack_);
  ASSERT_EQ(plan.placements.size(), 2U);
  EXPECT_EQ(plan.placements[0].parameters.at("delay_ms"), 0);
  EXPECT_EQ(plan.placements[1].parameters.at("delay_ms"), 5000);
  EXPECT_EQ(plan.placements[0].parameters.at("path"), "/etc/x/nginx.conf");
  EXPECT_EQ(plan.placements[1].effect,
            "5000 ms after the first host: nginx.conf of nginx on web2 becomes bad (garbage); "
            "SIGHUP to the main process of nginx");
  EXPECT_GT(plan.confirm_within, 5s);
  EXPECT_NO_THROW(kind->make(plan.placements[1].parameters));
  const auto restart =
      kind->plan({"web1"}, "nginx",
                 {{"file", std::string("/opt/y")}, {"apply", std::string("restart")}}, stack_);
  EXPECT_EQ(restart.placements[0].parameters.at("path"), "/opt/y");
  EXPECT_EQ(restart.placements[0].parameters.at("apply"),
            (json::object{{"how", "restart"}, {"signal", "QUIT"}}));
}

TEST_F(ServiceFaultPlans, ConfigRefusesBadParameters) {
  const auto kind = make_config();
  const auto file = [](const char* name) {
    return std::pair<const std::string, spec::ParameterValue>("file", std::string(name));
  };
  EXPECT_THAT(plan_error(kind, {"web1"}, "nginx", {file("x.conf")}),
              HasSubstr("it has: nginx.conf"));
  EXPECT_THAT(
      plan_error(kind, {"web1"}, "nginx", {file("nginx.conf"), {"spread", spec::Duration(301s)}}),
      HasSubstr("spread"));
  EXPECT_THAT(plan_error(kind, {"web1"}, "nginx",
                         {file("nginx.conf"), {"search", Texts{"a"}}, {"replace", Texts{"b"}}}),
              HasSubstr("belong to mode replace"));
  EXPECT_THAT(
      plan_error(kind, {"web1"}, "nginx", {file("nginx.conf"), {"mode", std::string("replace")}}),
      HasSubstr("'search'"));
  EXPECT_THAT(plan_error(kind, {"lb1"}, "keepalived", {file("/etc/k.conf")}),
              HasSubstr("use apply: restart"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"service", "nginx"}, {"path", ""}});
              }),
              HasSubstr("path"));
}

TEST_F(ServiceFaultPlans, ExecCarriesItsCommandsAndItsUndo) {
  const auto kind = make_exec();
  const spec::Parameters parameters{{"inject", Texts{"ip", "route", "add", "blackhole", "x"}},
                                    {"heal", Texts{"ip", "route", "del", "x"}},
                                    {"confirm", Texts{"check"}},
                                    {"timeout", spec::Duration(2s)}};
  const auto plan = kind->plan({"web1"}, "", parameters, stack_);
  EXPECT_EQ(plan.placements.at(0).effect, "runs ip route add blackhole x on web1");
  EXPECT_EQ(plan.placements[0].undo, "runs ip route del x");
  EXPECT_EQ(plan.placements[0].parameters.at("timeout_ms"), 2000);
  EXPECT_NO_THROW(kind->make(plan.placements[0].parameters));
  spec::Parameters without = parameters;
  without.erase("confirm");
  EXPECT_THAT(plan_error(kind, {"web1"}, "", without), HasSubstr("'confirm'"));
  spec::Parameters slow = parameters;
  slow["timeout"] = spec::Duration(11s);
  EXPECT_THAT(plan_error(kind, {"web1"}, "", slow), HasSubstr("at most 10s"));
  EXPECT_THAT(plan_error(kind, {"web1"}, "nginx", parameters), HasSubstr("leave out service"));
  EXPECT_THAT(error_of([&] { kind->make({{"inject", json::array{"a"}}}); }), HasSubstr("heal"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"inject", json::array{"a"}},
                            {"heal", json::array{""}},
                            {"confirm", json::array{"c"}}});
              }),
              HasSubstr("names no program"));
}

TEST_F(ServiceFaultPlans, ExecRefusesProgramsThatAreNotThere) {
  kinds::HostEnv env{.host = "web1"};
  const auto fault = make_exec()->make({{"inject", json::array{"/no/such/program"}},
                                        {"heal", json::array{"true"}},
                                        {"confirm", json::array{"false"}}});
  EXPECT_ANY_THROW(fault->prepare(env)->inject());
  const auto missing = make_exec()->make({{"inject", json::array{"no-such-program-here"}},
                                          {"heal", json::array{"true"}},
                                          {"confirm", json::array{"false"}}});
  EXPECT_THAT(error_of([&] { missing->prepare(env); }), HasSubstr("no-such-program-here"));
  const auto unclear = make_exec()->make({{"inject", json::array{"true"}},
                                          {"heal", json::array{"true"}},
                                          {"confirm", json::array{"true"}}});
  EXPECT_THAT(error_of([&] { unclear->prepare(env); }), HasSubstr("in force already"));
}

}  // namespace
}  // namespace nospof::faults
