#include "proxy/admin/merge_pools.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace pgweir::admin {

std::vector<net::PoolRow> merge_pools(const std::vector<net::PoolRow>& parts) {
    std::map<std::tuple<std::string, std::string, std::string>, net::PoolRow> pools;
    for (const net::PoolRow& part : parts) {
        const auto [it, fresh] = pools.try_emplace({part.database, part.user, part.server}, part);
        if (fresh) continue;
        net::PoolRow& sum = it->second;
        sum.cl_active += part.cl_active;
        sum.cl_waiting += part.cl_waiting;
        sum.cl_active_cancel_req += part.cl_active_cancel_req;
        sum.cl_waiting_cancel_req += part.cl_waiting_cancel_req;
        sum.sv_active += part.sv_active;
        sum.sv_being_canceled += part.sv_being_canceled;
        sum.sv_idle += part.sv_idle;
        sum.sv_login += part.sv_login;
        sum.maxwait = std::max(sum.maxwait, part.maxwait);
    }
    std::vector<net::PoolRow> rows;
    rows.reserve(pools.size());
    for (auto& [key, row] : pools) rows.push_back(std::move(row));
    return rows;
}

}  // namespace pgweir::admin
