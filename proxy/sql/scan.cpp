#include "proxy/sql/scan.hpp"

#include "proxy/sql/functions.hpp"
#include "proxy/sql/hint.hpp"
#include "proxy/sql/next_token.hpp"
#include "proxy/sql/relations.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

[[nodiscard]] std::string_view without_quotes(std::string_view text) noexcept {
    return text.size() >= 2 ? text.substr(1, text.size() - 2) : std::string_view{};
}

constexpr std::string_view kExecute = "execute";
static_assert(kExecute.size() >= kShortestTelling);

// Whether on_telling_name() may know a name that begins so. Quickly: most names are of no interest.
[[nodiscard]] bool may_tell(char first) noexcept {
    constexpr std::uint32_t kFirsts = 1U << ('e' & 31) | 1U << ('i' & 31) | 1U << ('l' & 31) | 1U << ('p' & 31);
    return (kFirsts >> (static_cast<unsigned char>(first) & 31U) & 1U) != 0;
}

}  // namespace

// What is done for every token comes first, so that the compiler can put it together.

// A name, not a keyword: of a column, a relation, a function, a schema. `label`: it stands behind AS.
[[gnu::always_inline]] inline void Scan::on_identifier(const Token& token, bool label) noexcept {
    const std::size_t written = token.end - token.begin;
    if (written < kShortestTelling) return;
    const std::size_t quote = token.kind == TokenKind::quoted ? 1 : 0;
    const char* const name = text_.data() + token.begin + quote;
    if (may_tell(*name)) on_telling_name({name, written - 2 * quote}, label);
}

[[gnu::always_inline]] inline void Scan::on_keyword(Keyword keyword) noexcept {
    const Code previous = context_.code();
    const bool after_for = previous == code_of(Keyword::for_);
    switch (keyword) {
        case Keyword::update:
            doubts_ |= after_for || previous == code_of(Keyword::key) ? kDoubtLock : kDoubtWrite;
            context_.note_write();
            break;
        case Keyword::insert:
        case Keyword::delete_:
        case Keyword::merge:
            doubts_ |= kDoubtWrite;
            context_.note_write();
            break;
        case Keyword::into:
            doubts_ |= kDoubtInto;
            break;
        case Keyword::share:
        case Keyword::no:
        case Keyword::key:
            if (after_for) doubts_ |= kDoubtLock;
            break;
        case Keyword::for_:
            for_seen_ = true;
            break;
        case Keyword::temp:
        case Keyword::temporary:
            on_temporary();
            break;
        case Keyword::hold:
            if (verb_ == Keyword::declare && !for_seen_ && previous == code_of(Keyword::with)) {
                effects_ |= Effect::hold_cursor;
            }
            break;
        case Keyword::last_value:
        case Keyword::is_called:
        case Keyword::log_cnt:
            watch_ |= kWatchSequence;
            break;
        default:
            break;  // the others say nothing by themselves
    }
}

[[gnu::always_inline]] inline void Scan::on_name(const Token& token) noexcept {
    const bool label = context_.code() == code_of(Keyword::as);
    if (words_ != nullptr) on_watched_word(copy_of(token), label);
    if (token.keyword.id != Keyword::none && context_.keyword_position()) {
        on_keyword(token.keyword.id);
        context_.keyword(token);
        return;
    }
    if (token.kind != TokenKind::unicode) {
        on_identifier(token, label);
    } else {
        // Of U&"…" the name is not decoded, so it may be any function's or view's.
        doubts_ |= kDoubtFunction;
        effects_ |= Effect::taint;
    }
    context_.identifier(token);
}

Statement Scan::run() noexcept {
    while (true) {
        const Token token = lexer_.take();
        if (watch_ != 0) watch(copy_of(token));
        if (is_name(token.kind)) {
            on_name(token);
            continue;
        }
        switch (token.kind) {
            case TokenKind::open:
                on_open();
                continue;
            case TokenKind::close:
                on_close();
                continue;
            case TokenKind::semicolon:
                finish_statement();
                continue;
            case TokenKind::end:
                finish_statement();
                finish_text();
                return result_;
            case TokenKind::comma:
                if (watch_ == 0) lexer_.skip_numbers();
                break;
            case TokenKind::op:
                if (operators_ != nullptr) on_watched_operator(copy_of(token));
                break;
            case TokenKind::bad:
                doubts_ |= kDoubtSyntax;
                break;
            case TokenKind::typecast:
                if (words_ != nullptr && words_->unsafe_cast_to_system_type()) doubts_ |= kDoubtCast;
                break;
            default:
                break;  // the others say nothing by themselves
        }
        context_.other(token.kind);
    }
}

void Scan::watch(const Token& token) noexcept {
    if (statements_ == 0 && (watch_ & kWatchVerb) != 0 && !explain_ && !lexer_.comments().empty()) {
        result_.hint = combine(result_.hint, find_hint(lexer_.comments()));
    }
    if (token.kind == TokenKind::semicolon || token.kind == TokenKind::end) return;
    if (!begun_) begin_statement();
    if ((watch_ & kWatchSequence) != 0) {
        watch_ &= ~kWatchSequence;
        if (token.kind != TokenKind::open) doubts_ |= kDoubtSequence;
    }
    if ((watch_ & kWatchVerb) != 0) find_verb(token);
    if ((watch_ & kWatchHead) == 0) return;
    head_.add(token);
    if (verb_ == Keyword::copy && copy_target_ == CopyTarget::none) look_for_copy_target(token);
}

void Scan::on_telling_name(std::string_view name, bool label) noexcept {
    if (is_node_local(name)) {
        doubts_ |= kDoubtNodeLocal;
    } else if (is_temporary_schema(name)) {
        if (verb_ == Keyword::set) return;
        doubts_ |= kDoubtTemporary;
        effects_ |= Effect::temporary;
    } else if (is_sequence_column(name)) {
        if (!label) watch_ |= kWatchSequence;
    } else if (label && verb_ == Keyword::create && equals_folded(name, kExecute)) {
        effects_ |= Effect::taint;  // CREATE TABLE … AS EXECUTE
    }
}

// The first word behind any `(`; EXPLAIN and its options give way to the statement that they explain.
void Scan::find_verb(const Token& token) noexcept {
    if (token.kind == TokenKind::open || (token.kind == TokenKind::close && explain_)) return;
    if (in_options_) {
        const Keyword word = token.keyword.id;
        if (word == Keyword::analyze || word == Keyword::analyse) analyze_ = true;
        return;
    }
    const Keyword word = token.kind == TokenKind::word ? token.keyword.id : Keyword::none;
    if (explain_ && (word == Keyword::analyze || word == Keyword::analyse || word == Keyword::verbose)) {
        analyze_ = analyze_ || word != Keyword::verbose;
        context_.expect_verb();
        return;
    }
    if (word == Keyword::explain && !explain_ && context_.depth() == 0) {
        explain_ = true;
        return;
    }
    verb_ = word;
    watch_ = reads(verb_) ? 0 : kWatchHead;
    if (context_.depth() == 0) context_.expect_verb();
    if (!reads(verb_) && verb_ != Keyword::copy) context_.note_write();
}

// INTO [LOCAL | GLOBAL] TEMP, CREATE [OR REPLACE] [LOCAL | GLOBAL] TEMP.
void Scan::on_temporary() noexcept {
    const Code previous = context_.code();
    const bool scoped = previous == code_of(Keyword::local) || previous == code_of(Keyword::global);
    const Code before = context_.code(scoped ? 1 : 0);
    const bool replace = before == kNameCode && context_.code(scoped ? 3 : 2) == code_of(Keyword::create);
    if (before == code_of(Keyword::into) || before == code_of(Keyword::create) || replace)
        effects_ |= Effect::temporary;
}

Identifier Scan::identifier(const Token& token) const noexcept {
    const bool quoted = token.kind == TokenKind::quoted;
    return {quoted ? without_quotes(lexer_.text(token)) : lexer_.text(token), quoted};
}

// Any word, also one that looks like a keyword: of what it names the catalog may know more.
void Scan::on_watched_word(const Token& token, bool label) noexcept {
    if (token.kind == TokenKind::unicode) return;
    const bool quoted = token.kind == TokenKind::quoted;
    const std::string_view written = quoted ? without_quotes(lexer_.text(token)) : lexer_.text(token);
    if (words_->may_be_unsafe(written)) on_unsafe(words_->unsafe_name(written, quoted), label);
    if (words_->unsafe_cast_to_system_type() && !quoted && equals_folded(written, "cast")) doubts_ |= kDoubtCast;
}

// Behind AS only a type is meant: CAST(x AS t).
void Scan::on_unsafe(UnsafeName found, bool label) noexcept {
    std::uint32_t doubts = 0;
    if ((found.kinds & kUnsafeType) != 0) doubts |= kDoubtCast;
    if (!label && (found.kinds & kUnsafeRelation) != 0) doubts |= kDoubtRelation;
    if (!label && (found.kinds & kUnsafeView) != 0) {
        doubts |= (found.kinds & kUnsafeVouched) != 0 ? kDoubtView : kDoubtRelation;
    }
    if ((found.kinds & kUnsafeRowFunction) != 0 && context_.code() == static_cast<Code>(TokenKind::dot)) {
        Lexer ahead = lexer_;  // s.f(…) is a call, which is judged as such
        if (ahead.next().kind != TokenKind::open) doubts |= kDoubtFunction;
    }
    doubts_ |= doubts;
    if (doubts != 0) effects_ |= found.effects;
}

void Scan::on_watched_operator(const Token& token) noexcept {
    if (!operators_->has_unsafe_operator(lexer_.text(token))) return;
    doubts_ |= kDoubtOperator;
    effects_ |= Effect::taint;
}

void Scan::on_open() noexcept {
    if (explain_ && (watch_ & kWatchVerb) != 0 && !in_options_ && context_.depth() == 0) {
        Lexer ahead = lexer_;
        const Token token = ahead.next();
        in_options_ = token.kind != TokenKind::open && !(token.kind == TokenKind::word && reads(token.keyword.id));
    }
    const bool call = context_.open(lexer_);
    if (call && !in_copy_options()) on_call();
}

// COPY … TO STDOUT (FORMAT csv): options.
bool Scan::in_copy_options() const noexcept {
    if (verb_ != Keyword::copy || copy_target_ != CopyTarget::stream) return false;
    if (context_.depth() != 1) return copy_direction_ == Keyword::to;  // FORCE_QUOTE (a, b); WHERE is for COPY FROM
    const Keyword last = context_.chain().last.keyword.id;
    return last == Keyword::stdin_ || last == Keyword::stdout_;
}

void Scan::on_close() noexcept {
    if (!context_.close()) doubts_ |= kDoubtSyntax;
    if (in_options_ && context_.depth() == 0) in_options_ = false;
}

// context_.chain() is called. Only names that are certain to be pg_catalog's or unqualified are looked up as built-in.
void Scan::on_call() noexcept {
    const NameChain& chain = context_.chain();
    const Identifier called = identifier(chain.last);
    const std::string_view name = called.text();
    const bool plain = chain.last.kind != TokenKind::unicode && chain.last.keyword.id != Keyword::treat;
    bool builtin = plain && chain.count == 1;
    bool allowed = builtin && names_.allows(name);
    if (plain && chain.count == 2 && chain.first.kind != TokenKind::unicode) {
        const Identifier schema = identifier(chain.first);
        builtin = schema.text() == "pg_catalog";
        allowed = names_.allows(schema.text(), name);
    } else if (plain && !builtin) {
        allowed = names_.allows_anywhere(name);
    }
    if (allowed || (plain && Context::query_follows(lexer_))) return;
    doubts_ |= kDoubtFunction;
    const FunctionInfo info = builtin ? find_function(name) : FunctionInfo{};
    effects_ |= info.allowed ? Effect::taint : info.effect;  // the configuration says that a built-in name is not safe
}

// COPY … TO or FROM at depth 0, and what follows that. STDIN and STDOUT mean the same.
void Scan::look_for_copy_target(const Token& token) noexcept {
    if (context_.depth() != 0) return;
    const Code previous = context_.code();
    if (previous != code_of(Keyword::to) && previous != code_of(Keyword::from)) return;
    copy_direction_ = previous == code_of(Keyword::to) ? Keyword::to : Keyword::from;
    const bool stream = token.keyword.id == Keyword::stdin_ || token.keyword.id == Keyword::stdout_;
    copy_target_ = token.kind == TokenKind::word && stream ? CopyTarget::stream : CopyTarget::file;
}

void Scan::begin_statement() noexcept {
    begun_ = true;
    if (statements_ == 0) return;  // all is new
    context_.reset();
    head_.clear();
    verb_ = copy_direction_ = Keyword::none;
    copy_target_ = CopyTarget::none;
    doubts_ = 0;
    effects_ = Effect::none;
    explain_ = analyze_ = in_options_ = for_seen_ = false;
}

void Scan::finish_statement() noexcept {
    if (!begun_) return;
    if ((watch_ & kWatchSequence) != 0) doubts_ |= kDoubtSequence;
    if (context_.depth() != 0 || (watch_ & kWatchVerb) != 0) doubts_ |= kDoubtSyntax;
    ++statements_;
    merge(judge());
    watch_ = kWatchVerb;
    begun_ = false;
}

void Scan::finish_text() noexcept {
    result_.empty = statements_ == 0;
    if (result_.empty) result_.reason = Reason::empty;
    result_.multiple = statements_ > 1;
}

}  // namespace pgweir::sql
