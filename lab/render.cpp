#include "lab/render.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::lab {

namespace json = boost::json;

namespace {

constexpr auto deadline = std::chrono::seconds(60);
constexpr std::size_t most_problems_shown = 20;
constexpr std::size_t secret_bytes = 16;

// Reads {"base", "hosts", "services", "templates": [{"host", "service", "text"}]} and writes
// {"texts": [...], "problems": [[index, line, message], ...]}.
constexpr const char* renderer = R"py(
import difflib, json, sys
try:
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment
except ImportError:
    sys.exit("python3 has no module jinja2; install the package python3-jinja2")

names = {}

def suggestion(name, known):
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return "; did you mean '%s'?" % close[0]
    return "; there are: " + ", ".join(sorted(known)) if known else ""

class Undefined(jinja2.StrictUndefined):
    @property
    def _undefined_message(self):
        name, owner = str(self._undefined_name), self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if owner is jinja2.utils.missing:
            return "'%s' is undefined%s" % (name, suggestion(name, list(names)))
        if isinstance(owner, dict):
            return "'%s' is undefined here%s" % (name, suggestion(name, list(owner)))
        return "'%s' is undefined: %s has none" % (name, type(owner).__name__)

# Templates come with a topology, maybe from somebody who only proposes it: they are no programs.
class Environment(SandboxedEnvironment):
    # A host named "items" is found before dict.items.
    def getattr(self, owner, name):
        if isinstance(owner, dict) and name in owner:
            return owner[name]
        return super().getattr(owner, name)

environment = Environment(undefined=Undefined, keep_trailing_newline=True, trim_blocks=True,
                          lstrip_blocks=True, autoescape=False)
compiled = {}

def render(number, job):
    text = job["text"]
    text.encode("utf-8")
    if text not in compiled:
        code = environment.compile(text, None, "template %d" % number)
        compiled[text] = jinja2.Template.from_code(environment, code, environment.globals)
    names.clear()
    names.update(data["base"])
    names.update(data["hosts"][job["host"]])
    names.update(data["services"][job["host"]].get(job["service"], {}))
    return compiled[text].render(names)

def line_of(error):
    line, trace = 1, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename.startswith("template "):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

data = json.loads(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
texts, problems = [], []
for number, job in enumerate(data["templates"]):
    try:
        texts.append(render(number, job))
    except UnicodeEncodeError as error:
        problems.append([number, job["text"].count("\n", 0, error.start) + 1, "is not UTF-8"])
    except jinja2.TemplateSyntaxError as error:
        problems.append([number, error.lineno, error.message])
    except jinja2.TemplateError as error:
        problems.append([number, line_of(error), error.message or str(error)])
    except Exception as error:
        problems.append([number, line_of(error), "%s: %s" % (type(error).__name__, error)])
sys.stdout.buffer.write(json.dumps({"texts": texts, "problems": problems}).encode())
)py";

UniqueFd memory_file(const char* name) {
  return UniqueFd(check(fmt::format("memfd_create {}", name), ::memfd_create(name, MFD_CLOEXEC)));
}

std::string content_of(const UniqueFd& file) {
  return read_file(fmt::format("/proc/self/fd/{}", file.get()));
}

// Memory files instead of pipes: no limit on the size and nobody waits for the other.
std::string run_renderer(const std::string& input) {
  const UniqueFd in = memory_file("nospof-templates");
  const UniqueFd out = memory_file("nospof-rendered");
  const UniqueFd err = memory_file("nospof-render-errors");
  write_all(in.get(), input, "templates");
  check("rewind templates", ::lseek(in.get(), 0, SEEK_SET));
  SpawnOptions options;
  options.argv = {"/usr/bin/python3", "-I", "-c", renderer};
  options.stdin_fd = in.get();
  options.stdout_fd = out.get();
  options.stderr_fd = err.get();
  Child child = spawn(options);
  const auto status = child.wait(deadline);
  if (!status)
    throw Error(fmt::format("rendering templates took more than {} s; does one of them loop?",
                            deadline.count()));
  if (*status != 0)
    throw Error(fmt::format("rendering templates: /usr/bin/python3 {}: {}",
                            describe_wait_status(*status), content_of(err)));
  return content_of(out);
}

json::object network_json(const spec::Topology& topology) {
  const auto slash = topology.subnet.find('/');
  json::object network;
  network["subnet"] = topology.subnet;
  network["prefix_length"] =
      slash == std::string::npos ? 32 : std::stoi(topology.subnet.substr(slash + 1));
  network["domain"] = topology.domain;
  return network;
}

json::object host_json(const spec::Topology& topology, const spec::Host& host) {
  const spec::Tier* tier = topology.tier_of(host.name);
  std::size_t index = 0;
  if (tier != nullptr)
    index = static_cast<std::size_t>(std::find(tier->hosts.begin(), tier->hosts.end(), host.name) -
                                     tier->hosts.begin());
  json::object object;
  object["name"] = host.name;
  object["address"] = host.address;
  object["zone"] = host.zone;
  object["fqdn"] = host.name + "." + topology.domain;
  object["index"] = index;
  object["observer"] = host.observer;
  object["tier"] = tier == nullptr ? "" : tier->name;
  object["services"] = json::array(host.services.begin(), host.services.end());
  return object;
}

json::object map_json(const std::map<std::string, std::string>& values) {
  json::object object;
  for (const auto& [name, value] : values) object[name] = value;
  return object;
}

json::object base_json(const Facts& facts) {
  const spec::Topology& topology = facts.topology;
  json::object by_name;
  json::array hosts;
  for (const auto& host : topology.hosts) {
    hosts.push_back(host_json(topology, host));
    by_name[host.name] = hosts.back();
  }
  json::object tiers;
  for (const auto& tier : topology.tiers) {
    json::array members;
    for (const auto& name : tier.hosts) members.push_back(by_name.at(name));
    tiers[tier.name] = std::move(members);
  }
  json::object vips;
  for (const auto& vip : topology.vips) {
    json::array owners;
    for (const auto& name : vip.owners) owners.push_back(by_name.at(name));
    vips[vip.name] = json::object{{"name", vip.name},
                                  {"address", vip.address},
                                  {"dns_name", vip.dns_name},
                                  {"owners", std::move(owners)}};
  }
  json::object base;
  base["hosts"] = std::move(hosts);
  base["host_by_name"] = std::move(by_name);
  base["tiers"] = std::move(tiers);
  base["vips"] = std::move(vips);
  base["network"] = network_json(topology);
  base["secrets"] = map_json(facts.secrets);
  base["vars"] = map_json(topology.variables);
  return base;
}

json::object host_context(const Facts& facts, const spec::Host& host) {
  const HostLayout paths = facts.layout.host(host.name);
  json::array peers;
  if (const spec::Tier* tier = facts.topology.tier_of(host.name))
    for (const auto& name : tier->hosts)
      if (const spec::Host* peer = facts.topology.find_host(name); peer != nullptr && peer != &host)
        peers.push_back(host_json(facts.topology, *peer));
  json::object authorities;
  for (const auto& authority : facts.topology.authorities)
    authorities[authority.name] = paths.authority(authority.name);
  json::object object;
  object["host"] = host_json(facts.topology, host);
  object["peers"] = std::move(peers);
  object["authorities"] = std::move(authorities);
  object["etc"] = paths.etc;
  object["data"] = paths.data;
  object["log"] = paths.log;
  return object;
}

json::object service_context(const Facts& facts, const spec::Host& host,
                             const spec::Service& service) {
  const HostLayout paths = facts.layout.host(host.name);
  json::object object;
  object["service"] = json::object{{"name", service.name}, {"user", service.user}};
  if (service.tls)
    object["tls"] = json::object{{"cert", paths.certificate(service.name)},
                                 {"key", paths.key(service.name)},
                                 {"ca", paths.authority(service.tls->authority)},
                                 {"bundle", paths.bundle(service.name)}};
  return object;
}

const spec::Host& require_host(const Facts& facts, const std::string& name) {
  const spec::Host* host = facts.topology.find_host(name);
  if (host == nullptr)
    throw Error(fmt::format("topology '{}' has no host '{}'", facts.topology.name, name));
  return *host;
}

const spec::Service& require_service(const Facts& facts, const std::string& name) {
  const spec::Service* service = facts.topology.find_service(name);
  if (service == nullptr)
    throw Error(fmt::format("topology '{}' has no service '{}'", facts.topology.name, name));
  return *service;
}

bool has_markup(const std::string& text) {
  for (const char* mark : {"{{", "{%", "{#"})
    if (text.find(mark) != std::string::npos) return true;
  return false;
}

json::object request_json(const Facts& facts, const std::vector<Template>& templates,
                          const std::vector<std::size_t>& wanted) {
  json::object hosts;
  json::object services;
  json::array jobs;
  for (const std::size_t number : wanted) {
    const Template& job = templates[number];
    const spec::Host& host = require_host(facts, job.host);
    if (!hosts.contains(job.host)) {
      hosts[job.host] = host_context(facts, host);
      services[job.host] = json::object{};
    }
    json::object& known = services[job.host].as_object();
    if (!job.service.empty() && !known.contains(job.service))
      known[job.service] = service_context(facts, host, require_service(facts, job.service));
    jobs.push_back(json::object{{"host", job.host}, {"service", job.service}, {"text", job.text}});
  }
  return json::object{{"base", base_json(facts)},
                      {"hosts", std::move(hosts)},
                      {"services", std::move(services)},
                      {"templates", std::move(jobs)}};
}

// The same mistake of one template is told once, however many hosts run into it.
std::string problem_text(const std::vector<Template>& templates,
                         const std::vector<std::size_t>& wanted, const json::array& problems) {
  std::string text;
  std::set<std::string> told;
  for (const auto& entry : problems) {
    const json::array& problem = entry.as_array();
    const Template& job = templates[wanted[problem.at(0).to_number<std::size_t>()]];
    const int line = job.first_line - 1 + problem.at(1).to_number<int>();
    const std::string place = fmt::format("{}:{}: {}", job.file, line, problem.at(2).as_string());
    if (!told.insert(place).second) continue;
    if (told.size() > most_problems_shown) return text + "\n... and more";
    if (!text.empty()) text += '\n';
    text += place + " (";
    if (!job.what.empty()) text += job.what + ", ";
    text += fmt::format("rendered for host {})", job.host);
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> make_secrets(const spec::Topology& topology) {
  std::map<std::string, std::string> secrets;
  for (const auto& name : topology.secrets) {
    std::array<unsigned char, secret_bytes> bytes{};
    check("getrandom", ::getrandom(bytes.data(), bytes.size(), 0));
    std::string text;
    for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
    secrets[name] = text;
  }
  return secrets;
}

std::vector<std::string> render(const Facts& facts, const std::vector<Template>& templates) {
  std::vector<std::string> texts;
  std::vector<std::size_t> wanted;
  for (std::size_t number = 0; number < templates.size(); ++number) {
    texts.push_back(templates[number].text);
    if (has_markup(templates[number].text)) wanted.push_back(number);
  }
  if (wanted.empty()) return texts;
  const json::value answer =
      json::parse(run_renderer(json::serialize(request_json(facts, templates, wanted))));
  const json::array& problems = answer.at("problems").as_array();
  if (!problems.empty()) throw Error(problem_text(templates, wanted, problems));
  const json::array& rendered = answer.at("texts").as_array();
  for (std::size_t i = 0; i < wanted.size(); ++i)
    texts[wanted[i]] = std::string(rendered.at(i).as_string());
  return texts;
}

std::vector<std::string> render_words(const Facts& facts, const std::string& host,
                                      const std::vector<std::string>& words,
                                      const std::string& where) {
  std::vector<Template> templates;
  for (const auto& word : words)
    templates.push_back({word, facts.topology.file, 1, where, host, ""});
  return render(facts, templates);
}

std::string template_context(const Facts& facts, const std::string& host,
                             const std::string& service) {
  json::object context = base_json(facts);
  const spec::Host& found = require_host(facts, host);
  for (auto& [name, value] : host_context(facts, found)) context[name] = value;
  if (!service.empty())
    for (auto& [name, value] : service_context(facts, found, require_service(facts, service)))
      context[name] = value;
  return json::serialize(context);
}

}  // namespace nospof::lab
