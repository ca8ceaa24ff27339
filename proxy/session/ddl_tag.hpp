// What a CommandComplete tells of changes to the schema. Of several statements in one Query each has its tag.
#pragma once

#include <string_view>

namespace pgweir::session {

// CREATE, ALTER or DROP of something, temporary or not.
[[nodiscard]] constexpr bool is_ddl(std::string_view tag) noexcept {
    return tag.starts_with("CREATE ") || tag.starts_with("ALTER ") || tag.starts_with("DROP ");
}

}  // namespace pgweir::session
