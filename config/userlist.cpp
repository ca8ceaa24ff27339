#include "config/userlist.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <system_error>

#include "config/password.hpp"

namespace pgweir::config {

namespace {

constexpr std::string_view kSpace = " \t\r\v\f";

// "a ""quoted"" word" off the front of the line, without its quotes; nothing if there is none.
std::optional<std::string> take_quoted(std::string_view& line) {
    if (line.empty() || line.front() != '"') return std::nullopt;
    std::string word;
    for (std::size_t i = 1; i < line.size(); ++i) {
        if (line[i] != '"') {
            word.push_back(line[i]);
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
            word.push_back(line[i++]);
        } else {
            line.remove_prefix(i + 1);
            return word;
        }
    }
    return std::nullopt;
}

void skip_space(std::string_view& line) { line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size())); }

// The user of a line, or what is wrong with it in `error`.
User read_line(std::string_view line, std::string& error) {
    User user;
    const auto name = take_quoted(line);
    skip_space(line);
    const auto password = name ? take_quoted(line) : std::nullopt;
    if (!password) {
        error = "must be \"name\" \"password\", both in double quotes";
        return user;
    }
    user.name = *name;
    user.password = *password;
    if (user.name.empty()) error = "the name is empty";
    if (line.size() > 0 && kSpace.find(line.front()) == std::string_view::npos)
        error = "white space must follow the password";
    if (user.name.find('\0') != std::string::npos || user.password.find('\0') != std::string::npos) {
        error = "must not contain a zero byte";
    }
    if (form_of(user.password) == PasswordForm::malformed_scram) {
        error = "the password begins like a SCRAM verifier but is not one";
    }
    return user;
}

}  // namespace

std::vector<User> parse_userlist(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
    std::vector<User> users;
    std::map<std::string, std::size_t, std::less<>> places;
    for (std::uint32_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        skip_space(line);
        if (line.empty() || line.front() == ';' || line.front() == '#') continue;
        std::string error;
        User user = read_line(line, error);
        if (!error.empty()) {
            problems.push_back({file, {number, 1}, "", std::move(error)});
            continue;
        }
        const auto [place, is_new] = places.emplace(user.name, users.size());
        if (is_new) {
            users.push_back(std::move(user));
        } else {
            users[place->second] = std::move(user);
        }
    }
    return users;
}

std::vector<User> load_userlist(const std::filesystem::path& path, std::vector<Problem>& problems) {
    const auto fail = [&](std::string why) {
        problems.push_back({path.string(), {}, "proxy.auth_file", "cannot be read: " + std::move(why)});
        return std::vector<User>{};
    };
    std::error_code error;
    // A pipe or a device could keep us waiting for ever.
    if (!std::filesystem::is_regular_file(path, error))
        return fail(error ? error.message() : "it is not a regular file");
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail("permission denied");
    if (std::filesystem::file_size(path, error) > kMaxUserlistSize) return fail("it is longer than 16MB");
    std::string text(static_cast<std::size_t>(std::filesystem::file_size(path)), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return fail("input error");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return parse_userlist(text, path.string(), problems);
}

}  // namespace pgweir::config
