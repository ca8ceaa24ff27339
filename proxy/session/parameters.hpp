// Session settings (semantics.md D): what a client desires, what a server connection has, and the way from one to the
// other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/session/setting_names.hpp"

namespace pgweir::session {

struct Parameter {
    std::string name;  // canonical
    std::string value;
    friend bool operator==(const Parameter&, const Parameter&) = default;
};

class ParameterTable;

// An immutable set of settings, sorted by name. One object for each content and worker: equal sets have equal
// addresses.
class ParameterSet {
  public:
    // What of the settings matters to reading and routing SQL.
    struct Facts {
        bool standard_conforming_strings = true;
        bool ascii_trail_bytes = false;  // of client_encoding: has_ascii_trail_bytes()
        bool default_read_only = false;
        bool default_serializable = false;
    };
    ParameterSet() noexcept;
    ~ParameterSet();
    ParameterSet(const ParameterSet&) = delete;
    ParameterSet& operator=(const ParameterSet&) = delete;

    [[nodiscard]] std::span<const Parameter> entries() const noexcept { return entries_; }
    // The value, or null. The name's case does not matter.
    [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
    // Looked up once.
    [[nodiscard]] const Facts& facts() const;
    // Whether a server connection has had exactly these settings, so that setting them again is not expected to fail.
    [[nodiscard]] bool proven() const noexcept { return proven_ || entries_.empty(); }

  private:
    friend class ParameterTable;
    friend class ParameterRef;

    struct Found;  // by what was asked before

    [[nodiscard]] Found& found() const;

    std::vector<Parameter> entries_;
    std::size_t hash_ = 0;
    mutable std::unique_ptr<Found> found_;
    ParameterTable* table_ = nullptr;  // null once the table is gone
    mutable std::uint32_t references_ = 0;
    mutable bool proven_ = false;
};

// Counts one use of a set; a pointer in size. Not thread-safe: belongs to the worker of its table. Empty is the empty
// set.
class ParameterRef {
  public:
    ParameterRef() noexcept = default;
    ParameterRef(const ParameterRef& other) noexcept;
    ParameterRef(ParameterRef&& other) noexcept : set_(other.set_) { other.set_ = nullptr; }
    ParameterRef& operator=(ParameterRef other) noexcept;
    ~ParameterRef();

    // Never null.
    [[nodiscard]] const ParameterSet* get() const noexcept;
    [[nodiscard]] const ParameterSet& operator*() const noexcept { return *get(); }
    [[nodiscard]] const ParameterSet* operator->() const noexcept { return get(); }
    // Remembers that a server connection has these settings (see ParameterSet::proven).
    void prove() const noexcept;
    friend bool operator==(const ParameterRef& a, const ParameterRef& b) noexcept { return a.set_ == b.set_; }

  private:
    friend class ParameterTable;
    explicit ParameterRef(ParameterSet* set) noexcept;

    ParameterSet* set_ = nullptr;
};

// A worker's sets. A set dies with its last reference; the number of settings of one client is the caller's to bound.
// Names are made canonical. An entry whose name is not is_setting_name(), or whose value holds a NUL, is left out.
class ParameterTable {
  public:
    ParameterTable() = default;
    ~ParameterTable();
    ParameterTable(const ParameterTable&) = delete;
    ParameterTable& operator=(const ParameterTable&) = delete;

    // Of two entries with the same name the later one counts.
    [[nodiscard]] ParameterRef intern(std::vector<Parameter> entries);
    // Takes no memory when the resulting set exists.
    [[nodiscard]] ParameterRef with(const ParameterRef& set, std::string_view name, std::string_view value);
    [[nodiscard]] ParameterRef without(const ParameterRef& set, std::string_view name);

    // Of the settings those that a statement's meaning or its plan depends on: without what is_harmless_to_plans(). Made once.
    [[nodiscard]] ParameterRef for_plans(const ParameterRef& set);

    [[nodiscard]] std::size_t size() const noexcept { return sets_.size(); }

  private:
    friend class ParameterRef;

    // Sets to look for before they exist: by content, and as `base` with one entry put in or left out.
    struct Content {
        std::span<const Parameter> entries;
        std::size_t hash;
    };
    struct Changed {
        std::span<const Parameter> base;
        std::string_view name;          // canonical
        const std::string_view* value;  // null: left out
        std::size_t hash;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const ParameterSet* set) const noexcept { return set->hash_; }
        std::size_t operator()(const Content& content) const noexcept { return content.hash; }
        std::size_t operator()(const Changed& changed) const noexcept { return changed.hash; }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const ParameterSet* a, const ParameterSet* b) const noexcept { return a == b; }
        bool operator()(const Content& content, const ParameterSet* set) const noexcept;
        bool operator()(const Changed& changed, const ParameterSet* set) const noexcept;
        template <class Key>
        bool operator()(const ParameterSet* set, const Key& key) const noexcept {
            return (*this)(key, set);
        }
    };

    [[nodiscard]] ParameterRef change(const ParameterRef& set, std::string_view name, const std::string_view* value);
    [[nodiscard]] ParameterRef insert(std::vector<Parameter> entries, std::size_t hash);
    void remove(ParameterSet* set) noexcept { sets_.erase(set); }

    std::unordered_set<ParameterSet*, Hash, Equal> sets_;
};

// The text of one Query that brings a session from `actual` to `desired`; empty when nothing differs. A setting that
// only `actual` has is RESET. The text is ASCII whatever the values, and reads the same under every client_encoding and
// standard_conforming_strings. Its parts take effect all or none (send it outside a transaction, ReadyForQuery 'I').
[[nodiscard]] std::string difference_sql(const ParameterSet& desired, const ParameterSet& actual);

// Whether that Query is sure to be accepted where a server has had `desired` before: only settings differ that servers
// report, whose values do not depend on the server, its roles or its catalog.
[[nodiscard]] bool difference_is_certain(const ParameterSet& desired, const ParameterSet& actual) noexcept;

}  // namespace pgweir::session
