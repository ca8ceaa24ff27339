// The statements of the extended protocol that a worker knows: judged once, shared by all clients, bounded in bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "protocol/bytes.hpp"
#include "proxy/session/database_names.hpp"
#include "proxy/session/learned_reads.hpp"
#include "proxy/session/parameters.hpp"
#include "proxy/session/plain_reads.hpp"
#include "proxy/session/promotion.hpp"
#include "proxy/sql/classify.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::session {

class StatementCache;

// A statement's text and parameter types as a Parse carries them, with what was judged of it. Worker-local.
struct CachedStatement {
    std::uint64_t id = 0;       // unique in the process; names the statement on servers
    std::string server_name;    // under which servers know it
    std::string tail;           // the Parse body after the statement's name: text, NUL, parameter types
    std::size_t text_size = 0;
    ParameterRef settings;      // in force at Parse; part of the key (semantics.md C)
    StatementScope scope{};     // part of the key
    const DatabaseNames* names = nullptr;  // of the scope's database
    sql::LexSettings lex;
    sql::Statement judged;      // its slices point into `tail`
    std::uint64_t judged_as_of = 0;  // names->version() then: StatementCache::refresh
    std::uint64_t accepted_in = 0;  // the newest epoch (StatementCache::epoch) in which a server has parsed it
    std::uint64_t refused_in = 0;   // the newest one in which a replica has refused it
    Promotion promotion;        // while it is sent without a name
    [[nodiscard]] bool promotable() noexcept;  // sql::is_promotable, looked up once
    std::size_t bytes = 0;      // what it takes, roughly, its settings among it
    std::uint32_t references = 0;
    bool idle_listed = false;
    enum class Promotable : std::uint8_t { unknown, no, yes } looked_up = Promotable::unknown;
    std::list<CachedStatement*>::iterator idle_place;

    [[nodiscard]] std::string_view text() const noexcept { return std::string_view(tail).substr(0, text_size); }
    // The parameter types as the Parse gives them, behind the text's NUL.
    [[nodiscard]] Bytes types() const noexcept { return as_bytes(tail).subspan(std::min(text_size + 1, tail.size())); }
    // What it takes, roughly, in bytes.
    [[nodiscard]] std::size_t size() const noexcept { return bytes; }
};

// The prefix of server_name; a client's unknown name that begins like this must never reach a server unchanged.
inline constexpr std::string_view kServerStatementPrefix = "pgweir_";
[[nodiscard]] std::string server_statement_name(std::uint64_t id);

// Counts one use of a cached statement, which therefore stays in the cache.
class StatementRef {
  public:
    StatementRef() noexcept = default;
    StatementRef(StatementCache& cache, CachedStatement& statement) noexcept;
    StatementRef(const StatementRef& other) noexcept;
    StatementRef(StatementRef&& other) noexcept : cache_(other.cache_), statement_(std::exchange(other.statement_, nullptr)) {}
    StatementRef& operator=(const StatementRef& other) noexcept;
    StatementRef& operator=(StatementRef&& other) noexcept {
        const StatementRef before(std::move(*this));
        cache_ = other.cache_;
        statement_ = std::exchange(other.statement_, nullptr);
        return *this;
    }
    ~StatementRef();

    [[nodiscard]] explicit operator bool() const noexcept { return statement_ != nullptr; }
    [[nodiscard]] CachedStatement* operator->() const noexcept { return statement_; }
    [[nodiscard]] CachedStatement& operator*() const noexcept { return *statement_; }
    friend bool operator==(const StatementRef& a, const StatementRef& b) noexcept {
        return a.statement_ == b.statement_;
    }

  private:
    StatementCache* cache_ = nullptr;
    CachedStatement* statement_ = nullptr;
};

class StatementCache {
  public:
    // `functions` judges where no database's names are given. `max_bytes` bounds what is kept of statements that nobody uses
    // at the moment. `max_learned`: the same of what is learned.
    StatementCache(const sql::Allowlist& functions, std::size_t max_bytes, std::size_t max_learned = 1U << 20)
        : learned(max_learned), own_names_(functions), max_bytes_(max_bytes) {}
    StatementCache(const StatementCache&) = delete;
    StatementCache& operator=(const StatementCache&) = delete;

    // As in the constructor: what is too much goes.
    void set_limits(std::size_t max_bytes, std::size_t max_learned) noexcept {
        max_bytes_ = max_bytes;
        learned.set_limit(max_learned);
        shrink();
    }

    // The scope's statement with this Parse tail (text, NUL, types) under these settings; judged when it is new, or when more is
    // known of the names in the scope's database. `names` outlive the cache; null: its own.
    [[nodiscard]] StatementRef intern(std::string_view tail, StatementScope scope, const ParameterRef& settings, sql::LexSettings lex,
                                      const DatabaseNames* names = nullptr);
    // Judges again what was judged with other names. Cheap when there is nothing to do.
    static void refresh(CachedStatement& statement) noexcept {
        if (statement.judged_as_of != statement.names->version()) judge(statement);
    }

    // Settings that are nobody else's, for a statement that must not be shared.
    [[nodiscard]] ParameterRef private_settings(ParameterTable& table, const ParameterRef& settings);

    // Grows with every DDL that passes: what a server accepted before may be refused now.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
    void ddl_passed() noexcept {
        ++epoch_;
        learned.forget();
    }
    // The process's count of DDL that was seen to pass: what servers prepared before it is prepared again (semantics.md C).
    [[nodiscard]] static std::uint64_t schema_epoch() noexcept;
    static void schema_changed() noexcept;
    // A server has parsed it, and no DDL was seen since: a Parse of it may be answered without asking again.
    [[nodiscard]] bool accepted(const CachedStatement& statement) const noexcept {
        return statement.accepted_in == epoch_;
    }

    // A replica has refused it, and no DDL was seen since.
    [[nodiscard]] bool refused(const CachedStatement& statement) const noexcept { return statement.refused_in == epoch_; }
    LearnedReads learned;
    // Judges what is not prepared.
    PlainReads plain_reads;

    [[nodiscard]] DatabaseNames& own_names() noexcept { return own_names_; }
    // What the worker's clients did, since the start.
    struct Counters {
        std::uint64_t client_parses = 0, server_parses = 0, binds = 0, promoted = 0;
    } counters;

    [[nodiscard]] std::size_t size() const noexcept { return statements_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    // Of those that somebody uses.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }

  private:
    friend class StatementRef;

    struct Key {
        std::string_view tail;
        const ParameterSet* settings;
        StatementScope scope;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept {
            return std::hash<std::string_view>{}(key.tail) ^ (reinterpret_cast<std::uintptr_t>(key.settings) >> 4) ^
                   (static_cast<std::size_t>(key.scope) << 20U);
        }
    };

    static void judge(CachedStatement& statement) noexcept;
    void acquired(CachedStatement& statement) noexcept {
        if (statement.references++ == 0) first_acquired(statement);
    }
    void released(CachedStatement& statement) noexcept {
        if (--statement.references == 0) last_released(statement);
    }
    void first_acquired(CachedStatement& statement) noexcept;
    void last_released(CachedStatement& statement) noexcept;
    void shrink() noexcept;

    DatabaseNames own_names_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::size_t held_bytes_ = 0;
    std::uint64_t epoch_ = 1;
    std::unordered_map<Key, std::unique_ptr<CachedStatement>, Hash> statements_;
    std::list<CachedStatement*> idle_;  // nobody's at the moment, the longest unused first
};

inline StatementRef::StatementRef(StatementCache& cache, CachedStatement& statement) noexcept : cache_(&cache), statement_(&statement) {
    cache.acquired(statement);
}

inline StatementRef::StatementRef(const StatementRef& other) noexcept : cache_(other.cache_), statement_(other.statement_) {
    if (statement_ != nullptr) cache_->acquired(*statement_);
}

inline StatementRef& StatementRef::operator=(const StatementRef& other) noexcept {
    if (statement_ != other.statement_) *this = StatementRef(other);
    return *this;
}

inline StatementRef::~StatementRef() {
    if (statement_ != nullptr) cache_->released(*statement_);
}

}  // namespace pgweir::session
