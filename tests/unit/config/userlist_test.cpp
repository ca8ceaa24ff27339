#include "config/userlist.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support.hpp"

namespace pgweir::config {
namespace {

using Strings = std::vector<std::string>;

struct Parsed {
    Strings users, problems;  // "name=password"
};

Parsed parsed(std::string_view text) {
    Parsed result;
    std::vector<Problem> problems;
    for (const User& user : parse_userlist(text, "u.txt", problems)) {
        EXPECT_FALSE(user.admin);
        result.users.push_back(user.name + "=" + user.password);
    }
    for (const Problem& problem : problems) result.problems.push_back(to_string(problem));
    return result;
}

TEST(Userlist, WhatPgbouncerReads) {
    const Parsed p = parsed(
        "; a comment\n"
        "# another\n"
        "\n"
        "   \t\n"
        "\"app\" \"secret\"\n"
        "  \"with \"\"quotes\"\"\"\t\"pass\"\"word\" \"\" \"more\" ;x\r\n"
        "\"md5\" \"md50123456789abcdef0123456789abcdef\"\n"
        "\"none\" \"\"\n"
        "\"#\" \"; no comment\"\n"
        "\"last\"\"\" \"x\"");
    EXPECT_EQ(p.problems, Strings{});
    EXPECT_EQ(p.users, (Strings{"app=secret", "with \"quotes\"=pass\"word", "md5=md50123456789abcdef0123456789abcdef",
                                "none=", "#=; no comment", "last\"=x"}));
}

TEST(Userlist, TheLastOfEqualNamesCounts) {
    EXPECT_EQ(parsed("\"a\" \"1\"\n\"b\" \"2\"\n\"a\" \"3\"\n").users, (Strings{"a=3", "b=2"}));
    EXPECT_EQ(parsed("").users, Strings{});
}

TEST(Userlist, ProblemsHaveTheirLineAndNoPassword) {
    const Parsed p = parsed(
        "app secret\n"
        "\"a\" \"good\"\n"
        "\"b\"\n"
        "\"c\" hunter2\n"
        "\"d\" \"hunter2\n"
        "\"\" \"hunter2\"\n"
        "\"e\" \"SCRAM-SHA-256$hunter2\"\n"
        "\"f\" \"hunter2\"x\n");
    EXPECT_EQ(p.users, Strings{"a=good"});
    const std::string form = "must be \"name\" \"password\", both in double quotes";
    EXPECT_EQ(p.problems, (Strings{"u.txt:1:1: " + form, "u.txt:3:1: " + form, "u.txt:4:1: " + form,
                                   "u.txt:5:1: " + form, "u.txt:6:1: the name is empty",
                                   "u.txt:7:1: the password begins like a SCRAM verifier but is not one",
                                   "u.txt:8:1: white space must follow the password"}));
}

struct Folder {
    Folder()
        : path(std::filesystem::temp_directory_path() /
               ("pgweir-userlist-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
                std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
        std::filesystem::create_directories(path);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

TEST(Userlist, IsReadNextToTheConfiguration) {
    const Folder folder;
    std::ofstream(folder.path / "users.txt") << "\"app\" \"from the file\"\n\"more\" \"x\"\n";
    const std::string text =
        std::string(kLeast) + "[proxy]\nauth_file = \"users.txt\"\n[[user]]\nname = \"app\"\npassword = \"own\"\n";
    const Config config = load_text(text, (folder.path / "pgweir.toml").string());
    ASSERT_EQ(config.users.size(), 1U);
    EXPECT_EQ(config.users[0].password, "own");
    ASSERT_EQ(config.file_users.size(), 1U);
    EXPECT_EQ(config.file_users[0].name, "more");
    EXPECT_EQ(config.proxy.auth_file, (folder.path / "users.txt").string());
}

TEST(Userlist, AFileThatCannotBeRead) {
    const Folder folder;
    const std::string file = (folder.path / "pgweir.toml").string();
    const auto with = [&](const std::string& name) {
        return std::string(kLeast) + "[proxy]\nauth_file = \"" + name + "\"\n";
    };
    EXPECT_EQ(
        problems_of(with("absent"), file),
        Strings{(folder.path / "absent").string() + ": proxy.auth_file: cannot be read: No such file or directory"});
    EXPECT_EQ(problems_of(with("."), file).size(), 1U);
    std::ofstream(folder.path / "bad") << "x\n";
    EXPECT_EQ(problems_of(with("bad"), file),
              Strings{(folder.path / "bad").string() + ":1:1: must be \"name\" \"password\", both in double quotes"});
}

}  // namespace
}  // namespace pgweir::config
