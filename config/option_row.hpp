// How a row of the table of options is made from a struct's member. For options.cpp only.
#pragma once

#include <limits>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "config/names.hpp"
#include "config/options.hpp"

namespace pgweir::config {

// What a row says besides key and meaning; see Option for the fields that are the same.
struct Traits {
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    bool bytes = false;    // a size, not a count
    bool restart = false;  // cannot change while running
    bool required = false;
    bool may_be_empty = false;
    bool secret = false;
    std::string_view inherits{};
    std::string_view sample{};
};

template <class S>
inline constexpr std::string_view kSectionName = "";
template <>
inline constexpr std::string_view kSectionName<Proxy> = "proxy";
template <>
inline constexpr std::string_view kSectionName<Pool> = "pool";
template <>
inline constexpr std::string_view kSectionName<Routing> = "routing";
template <>
inline constexpr std::string_view kSectionName<ClientTls> = "client_tls";
template <>
inline constexpr std::string_view kSectionName<ServerTls> = "server_tls";
template <>
inline constexpr std::string_view kSectionName<Tcp> = "tcp";
template <>
inline constexpr std::string_view kSectionName<Monitor> = "monitor";
template <>
inline constexpr std::string_view kSectionName<Breaker> = "breaker";
template <>
inline constexpr std::string_view kSectionName<Http> = "http";
template <>
inline constexpr std::string_view kSectionName<Log> = "log";
template <>
inline constexpr std::string_view kSectionName<Server> = "server";
template <>
inline constexpr std::string_view kSectionName<Discovery> = "discovery";
template <>
inline constexpr std::string_view kSectionName<Database> = "database";
template <>
inline constexpr std::string_view kSectionName<User> = "user";
template <>
inline constexpr std::string_view kSectionName<Access> = "access";

template <class T>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
    using Struct = S;
    using Field = T;
};

template <class T>
struct Unwrapped {
    using type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
    using type = T;
};

// Between a member and a Value.
template <class T>
Value to_value(const T& field) {
    if constexpr (!std::is_same_v<T, typename Unwrapped<T>::type>) {
        return field ? to_value(*field) : Value{};
    } else if constexpr (std::is_same_v<T, Duration>) {
        return static_cast<std::uint64_t>(field.count());
    } else if constexpr (std::is_enum_v<T> || (std::is_integral_v<T> && !std::is_same_v<T, bool>)) {
        return static_cast<std::uint64_t>(field);
    } else {
        return field;
    }
}

template <class T>
void from_value(T& field, const Value& value) {
    using V = typename Unwrapped<T>::type;
    if constexpr (std::is_same_v<V, Duration>) {
        field = Duration{static_cast<Duration::rep>(std::get<std::uint64_t>(value))};
    } else if constexpr (std::is_enum_v<V> || (std::is_integral_v<V> && !std::is_same_v<V, bool>)) {
        field = static_cast<V>(std::get<std::uint64_t>(value));
    } else {
        field = std::get<V>(value);
    }
}

template <class V>
consteval Type type_of(bool bytes) {
    if constexpr (std::is_same_v<V, bool>)
        return Type::boolean;
    else if constexpr (std::is_same_v<V, Duration>)
        return Type::duration;
    else if constexpr (std::is_enum_v<V>)
        return Type::choice;
    else if constexpr (std::is_integral_v<V>)
        return bytes ? Type::size : Type::integer;
    else if constexpr (std::is_same_v<V, std::string>)
        return Type::text;
    else
        return Type::text_list;
}

// Throwing makes the table not compile.
template <class V>
consteval void check_range(const Traits& traits) {
    if constexpr (std::is_same_v<V, Duration> || (std::is_integral_v<V> && !std::is_same_v<V, bool>)) {
        if (traits.max == 0 || traits.min > traits.max) throw std::logic_error("a number needs a range");
        if constexpr (std::is_integral_v<V>) {
            if (traits.max > std::numeric_limits<V>::max()) throw std::logic_error("the range does not fit the member");
        }
    }
}

// Type, section, getter and setter follow from the member.
template <auto Member>
consteval Option row(std::string_view key, Traits traits, std::string_view doc) {
    using S = typename MemberOf<decltype(Member)>::Struct;
    using V = typename Unwrapped<typename MemberOf<decltype(Member)>::Field>::type;
    check_range<V>(traits);
    Option option;
    option.section = kSectionName<S>;
    option.key = key;
    option.type = type_of<V>(traits.bytes);
    option.min = traits.min;
    option.max = traits.max;
    if constexpr (std::is_enum_v<V>) option.choices = kNames<V>;
    option.reloadable = !traits.restart;
    option.required = traits.required;
    option.may_be_empty = traits.may_be_empty;
    option.secret = traits.secret;
    option.inherits = traits.inherits;
    option.sample = traits.sample;
    option.doc = doc;
    option.get = [](ConstBlock block) { return to_value(std::get<const S*>(block)->*Member); };
    option.set = [](Block block, const Value& value) { from_value(std::get<S*>(block)->*Member, value); };
    return option;
}

template <class S>
ConstBlock default_block() {
    static const S kDefault{};
    return &kDefault;
}

template <auto Member>
consteval Section single(std::string_view doc) {
    using S = typename MemberOf<decltype(Member)>::Field;
    return {kSectionName<S>,
            false,
            false,
            doc,
            [](const Config&) -> std::size_t { return 1; },
            [](const Config& config, std::size_t) -> ConstBlock { return &(config.*Member); },
            [](Config& config) -> Block { return &(config.*Member); },
            &default_block<S>};
}

template <auto Member>
consteval Section repeated(std::string_view doc, bool optional = false) {
    using S = typename MemberOf<decltype(Member)>::Field::value_type;
    return {kSectionName<S>,
            true,
            optional,
            doc,
            [](const Config& config) { return (config.*Member).size(); },
            [](const Config& config, std::size_t index) -> ConstBlock { return &(config.*Member)[index]; },
            [](Config& config) -> Block { return &(config.*Member).emplace_back(); },
            &default_block<S>};
}

}  // namespace pgweir::config
