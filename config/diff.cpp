#include "config/diff.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/options.hpp"

namespace pgweir::config {

namespace {

std::map<std::string, ConstBlock> by_path(const Section& section, const Config& config) {
    std::map<std::string, ConstBlock> blocks;
    for (std::size_t i = 0; i < section.count(config); ++i) {
        const ConstBlock block = section.at(config, i);
        blocks.emplace(block_path(section, block), block);
    }
    return blocks;
}

void compare(const Section& section, const std::string& path, ConstBlock before, ConstBlock after,
             std::vector<Change>& changes) {
    for (const Option& option : options_of(section.name)) {
        const Value old_value = option.get(before);
        const Value new_value = option.get(after);
        if (old_value == new_value) continue;
        changes.push_back({ChangeKind::changed, path + '.' + std::string(option.key), to_text(option, old_value),
                           to_text(option, new_value), option.reloadable});
    }
}

// Users of proxy.auth_file, which are of no section.
void compare_file_users(const Config& before, const Config& after, std::vector<Change>& changes) {
    const auto by_name = [](const Config& config) {
        std::map<std::string, const User*> users;
        for (const User& user : config.file_users) users.emplace("auth_file." + user.name, &user);
        return users;
    };
    const auto old_users = by_name(before);
    const auto new_users = by_name(after);
    for (const auto& [path, user] : old_users) {
        const auto now = new_users.find(path);
        if (now == new_users.end()) {
            changes.push_back({ChangeKind::removed, path, "", "", true});
        } else if (now->second->password != user->password) {
            changes.push_back({ChangeKind::changed, path + ".password", std::string(kHidden), std::string(kHidden), true});
        }
    }
    for (const auto& [path, user] : new_users) {
        if (!old_users.contains(path)) changes.push_back({ChangeKind::added, path, "", "", true});
    }
}

// The first rule that matches counts: their order is what they mean.
void compare_order(const std::vector<Access>& before, const std::vector<Access>& after, std::vector<Change>& changes) {
    const auto names = [](const std::vector<Access>& rules, const std::vector<Access>& others) {
        std::string out;
        for (const Access& rule : rules) {
            if (std::ranges::find(others, rule.name, &Access::name) == others.end()) continue;
            out += (out.empty() ? "" : ", ") + rule.name;
        }
        return out;
    };
    std::string was = names(before, after);
    std::string is = names(after, before);
    if (was != is) changes.push_back({ChangeKind::changed, "access", std::move(was), std::move(is), true});
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
    std::vector<Change> changes;
    for (const Section& section : sections()) {
        const auto old_blocks = by_path(section, before);
        const auto new_blocks = by_path(section, after);
        for (const auto& [path, block] : old_blocks) {
            const auto now = new_blocks.find(path);
            if (now != new_blocks.end())
                compare(section, path, block, now->second, changes);
            else
                changes.push_back({ChangeKind::removed, path, "", "", true});
        }
        for (const auto& [path, block] : new_blocks) {
            if (!old_blocks.contains(path)) changes.push_back({ChangeKind::added, path, "", "", true});
        }
    }
    compare_order(before.access, after.access, changes);
    compare_file_users(before, after, changes);
    return changes;
}

}  // namespace pgweir::config
