#include "proxy/discovery/patroni_members.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

namespace pgweir::discovery {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxMembers = 256;  // as many as a cluster may have (cluster::kMaxServers)
constexpr std::size_t kMaxName = 255;

// A text that may stand in a log line, a metric's label and a connection's options.
const json::string* find_text(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    const json::string* text = value != nullptr ? value->if_string() : nullptr;
    if (text == nullptr || text->empty() || text->size() > kMaxName) return nullptr;
    const bool plain = std::ranges::all_of(*text, [](char c) { return c > ' ' && c <= '~' && c != ',' && c != '/'; });
    return plain ? text : nullptr;
}

std::optional<std::uint16_t> find_port(const json::object& object) {
    const json::value* value = object.if_contains("port");
    if (value == nullptr) return std::nullopt;
    json::error_code error;
    const auto port = value->to_number<std::uint16_t>(error);
    return error || port == 0 ? std::nullopt : std::optional(port);
}

// YAML's true, which may have been written as a text.
bool is_tagged(const json::object& member, std::string_view tag) {
    const json::value* tags = member.if_contains("tags");
    const json::object* object = tags != nullptr ? tags->if_object() : nullptr;
    const json::value* value = object != nullptr ? object->if_contains(tag) : nullptr;
    if (value == nullptr) return false;
    if (value->is_bool()) return value->get_bool();
    return value->is_string() && (value->get_string() == "true" || value->get_string() == "True");
}

std::optional<PatroniMember> read_member(const json::value& value) {
    const json::object* object = value.if_object();
    if (object == nullptr) return std::nullopt;
    const json::string* name = find_text(*object, "name");
    const json::string* host = find_text(*object, "host");
    const auto port = find_port(*object);
    if (name == nullptr || host == nullptr || !port) return std::nullopt;
    return PatroniMember{std::string(*name), std::string(*host), *port, !is_tagged(*object, "noloadbalance")};
}

}  // namespace

PatroniAnswer read_patroni_members(std::string_view body) {
    if (body.size() > kMaxClusterAnswer) return {{}, "the answer is longer than 1MB"};
    json::error_code error;
    const json::value document = json::parse(body, error);
    if (error) return {{}, "the answer is no JSON"};
    const json::object* object = document.if_object();
    const json::value* listed = object != nullptr ? object->if_contains("members") : nullptr;
    const json::array* members = listed != nullptr ? listed->if_array() : nullptr;
    if (members == nullptr) return {{}, "the answer has no list of members"};
    PatroniAnswer answer;
    for (const json::value& value : *members) {
        auto member = read_member(value);
        if (!member || answer.members.size() >= kMaxMembers) continue;
        const bool known = std::ranges::find(answer.members, member->name, &PatroniMember::name) != answer.members.end();
        if (!known) answer.members.push_back(std::move(*member));
    }
    if (answer.members.empty()) answer.error = "the answer lists no member with an address";
    return answer;
}

}  // namespace pgweir::discovery
