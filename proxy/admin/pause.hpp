// PAUSE and RESUME, PgBouncer's way to a switchover that no client notices.
#pragma once

#include "proxy/admin/commands.hpp"

namespace pgweir::admin {

void pause(const Call& call, Reply reply);
void resume(const Call& call, Reply reply);

}  // namespace pgweir::admin
