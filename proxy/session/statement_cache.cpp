#include "proxy/session/statement_cache.hpp"

#include <atomic>
#include <utility>

#include "proxy/sql/promotable.hpp"

namespace pgweir::session {

namespace {

// Ids are unique over all workers, so a server connection may change its worker with its prepared statements.
std::uint64_t next_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::atomic<std::uint64_t> schema_changes{1};

constexpr std::size_t kOverhead = sizeof(CachedStatement) + 96;  // map node and list node

}  // namespace

std::string server_statement_name(std::uint64_t id) { return std::string(kServerStatementPrefix) + std::to_string(id); }

bool CachedStatement::promotable() noexcept {
    if (looked_up == Promotable::unknown) {
        looked_up = sql::is_promotable(text(), lex.standard_conforming_strings) ? Promotable::yes : Promotable::no;
    }
    return looked_up == Promotable::yes;
}

std::uint64_t StatementCache::schema_epoch() noexcept { return schema_changes.load(std::memory_order_relaxed); }

void StatementCache::schema_changed() noexcept { schema_changes.fetch_add(1, std::memory_order_relaxed); }

ParameterRef StatementCache::private_settings(ParameterTable& table, const ParameterRef& settings) {
    return table.with(settings, "pgweir.statement", std::to_string(next_id()));
}

void StatementCache::judge(CachedStatement& statement) noexcept {
    statement.judged_as_of = statement.names->version();
    statement.judged = sql::classify(statement.text(), statement.lex, statement.names->judge());
}

StatementRef StatementCache::intern(std::string_view tail, StatementScope scope, const ParameterRef& settings,
                                    sql::LexSettings lex, const DatabaseNames* names) {
    const auto found = statements_.find(Key{tail, settings.get(), scope});
    if (found != statements_.end()) {
        refresh(*found->second);
        return {*this, *found->second};
    }
    auto made = std::make_unique<CachedStatement>();
    made->id = next_id();
    made->server_name = server_statement_name(made->id);
    made->tail.assign(tail);
    made->text_size = std::min(tail.find('\0'), tail.size());
    made->settings = settings;
    made->scope = scope;
    made->names = names != nullptr ? names : &own_names_;
    made->lex = lex;
    judge(*made);
    if (made->judged.reads_only && learned.knows(scope, made->text(), lex.standard_conforming_strings)) made->refused_in = epoch_;
    made->bytes = made->tail.size() + kOverhead;
    for (const Parameter& setting : settings->entries()) made->bytes += setting.name.size() + setting.value.size();
    CachedStatement& statement = *made;
    bytes_ += statement.size();
    statements_.emplace(Key{statement.tail, settings.get(), scope}, std::move(made));
    StatementRef result(*this, statement);
    shrink();
    return result;
}

void StatementCache::first_acquired(CachedStatement& statement) noexcept {
    held_bytes_ += statement.size();
    if (statement.idle_listed) {
        idle_.erase(statement.idle_place);
        statement.idle_listed = false;
    }
}

void StatementCache::last_released(CachedStatement& statement) noexcept {
    held_bytes_ -= statement.size();
    statement.idle_place = idle_.insert(idle_.end(), &statement);
    statement.idle_listed = true;
    shrink();
}

void StatementCache::shrink() noexcept {
    while (bytes_ - held_bytes_ > max_bytes_ && !idle_.empty()) {
        CachedStatement* oldest = idle_.front();
        idle_.pop_front();
        bytes_ -= oldest->size();
        statements_.erase(Key{oldest->tail, oldest->settings.get(), oldest->scope});
    }
}

}  // namespace pgweir::session
