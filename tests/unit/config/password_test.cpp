#include "config/password.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support.hpp"

namespace pgweir::config {
namespace {

const std::string kSalt = "W22ZaJ0SNY7soEsUEjb6gQ==";
const std::string kKey1 = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";
const std::string kKey2 = "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

std::string verifier(const std::string& iterations, const std::string& salt, const std::string& stored,
                     const std::string& server) {
    return "SCRAM-SHA-256$" + iterations + ':' + salt + '$' + stored + ':' + server;
}

TEST(Password, Forms) {
    const std::string hex = "0123456789abcdef0123456789abcdef";
    EXPECT_EQ(form_of(""), PasswordForm::none);
    EXPECT_EQ(form_of("secret"), PasswordForm::plain);
    EXPECT_EQ(form_of("md5" + hex), PasswordForm::md5);
    // PostgreSQL takes these for plain text too.
    EXPECT_EQ(form_of("md5" + hex + "0"), PasswordForm::plain);
    EXPECT_EQ(form_of("md50123456789ABCDEF0123456789abcdef"), PasswordForm::plain);
    EXPECT_EQ(form_of("scram-sha-256$x"), PasswordForm::plain);
    EXPECT_EQ(form_of(verifier("4096", kSalt, kKey1, kKey2)), PasswordForm::scram);
    EXPECT_EQ(form_of(verifier("1", "AAAA", kKey1, kKey2)), PasswordForm::scram);  // salts of any length
    EXPECT_EQ(form_of(verifier("2147483647", kSalt, kKey1, kKey2)), PasswordForm::scram);
}

TEST(Password, MalformedVerifiers) {
    const std::string short_key = "AAAA";
    const std::string cases[] = {
        "SCRAM-SHA-256$",
        verifier("", kSalt, kKey1, kKey2),
        verifier("0", kSalt, kKey1, kKey2),
        verifier("-1", kSalt, kKey1, kKey2),
        verifier("4096x", kSalt, kKey1, kKey2),
        verifier("2147483648", kSalt, kKey1, kKey2),
        verifier("99999999999999999999", kSalt, kKey1, kKey2),
        verifier("4096", "", kKey1, kKey2),
        verifier("4096", "W22", kKey1, kKey2),
        verifier("4096", "W2=Z", kKey1, kKey2),
        verifier("4096", "====", kKey1, kKey2),
        verifier("4096", kSalt, short_key, kKey2),
        verifier("4096", kSalt, kKey1, short_key),
        verifier("4096", kSalt, kKey1, ""),
        verifier("4096", kSalt, kKey1, kKey2 + "\n"),
        verifier("4096", kSalt, kKey1, kKey2 + ":x"),
        "SCRAM-SHA-256$4096:" + kSalt + '$' + kKey1,
        "SCRAM-SHA-256$4096$" + kSalt + ':' + kKey1 + ':' + kKey2,
    };
    for (const std::string& text : cases) EXPECT_EQ(form_of(text), PasswordForm::malformed_scram) << text;
}

class PasswordFile : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = std::filesystem::path(testing::TempDir()) /
                  (std::string("pgweir_password_") + testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    void write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }
    Config load(const std::string& more) { return load_text(std::string(kLeast) + more, config_file()); }
    std::vector<std::string> problems(const std::string& more) {
        return problems_of(std::string(kLeast) + more, config_file());
    }
    [[nodiscard]] std::string config_file() const { return (folder_ / "c.toml").string(); }
    std::filesystem::path folder_;
};

TEST_F(PasswordFile, IsReadWithoutItsTrailingNewline) {
    const std::pair<std::string, std::string> cases[] = {{"s e\tcret\n", "s e\tcret"},
                                                         {"secret", "secret"},
                                                         {"secret\r\n", "secret"},
                                                         {"secret\n\n", "secret\n"},
                                                         {" x ", " x "}};
    for (const auto& [text, expected] : cases) {
        write("pw", text);
        EXPECT_EQ(password_from_file(folder_ / "pw").password, expected);
    }
}

TEST_F(PasswordFile, RelativeNamesAreNextToTheConfigurationFile) {
    write("pw", "of the user\n");
    const Config config = load("[[user]]\nname = \"u\"\npassword_file = \"pw\"\n[monitor]\nuser = \"m\"\npassword_file = \"" +
                               (folder_ / "pw").string() + "\"\n");
    EXPECT_EQ(config.users.at(0).password, "of the user");
    EXPECT_EQ(config.monitor.password, "of the user");
}

TEST_F(PasswordFile, EveryFailureHasItsPlace) {
    write("empty", "\n");
    write("long", std::string(5000, 'x'));
    write("zero", std::string("a\0b", 3));
    write("scram", "SCRAM-SHA-256$hush\n");
    const std::string at = config_file() + ":8:17: user.password_file: ";
    const auto with = [&](const std::string& name) {
        return problems("[[user]]\nname = \"u\"\npassword_file = \"" + name + "\"\n");
    };
    const auto shown = [&](const std::string& name) { return '"' + (folder_ / name).string() + "\" "; };
    const std::string none = "the password file " + shown("none") + "cannot be read: No such file or directory";
    EXPECT_EQ(with("none"), std::vector{at + none});
    EXPECT_EQ(with("empty"), std::vector{at + "the password file " + shown("empty") + "is empty"});
    EXPECT_EQ(with("long"), std::vector{at + "the password file " + shown("long") + "is longer than 4kB"});
    EXPECT_EQ(with("zero"), std::vector{at + "the password found there must not contain a zero byte"});
    EXPECT_EQ(with(""), std::vector{at + "must be the name of a file"});
    EXPECT_EQ(with("scram"),
              std::vector{at + "the password found there begins like a SCRAM verifier but is not one; allowed: "
                               "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, salt and keys in base64"});
}

TEST_F(PasswordFile, DevicesAndFoldersAreRefused) {
    EXPECT_FALSE(password_from_file("/dev/zero").error.empty());
    EXPECT_FALSE(password_from_file(folder_).error.empty());
}

TEST(PasswordEnv, IsReadOrReported) {
    ASSERT_EQ(setenv("PGWEIR_TEST_PASSWORD", "from outside", 1), 0);
    ASSERT_EQ(setenv("PGWEIR_TEST_EMPTY", "", 1), 0);
    ASSERT_EQ(unsetenv("PGWEIR_TEST_UNSET"), 0);
    const Config config = load_with(
        "user = \"app\"\npassword_env = \"PGWEIR_TEST_PASSWORD\"\n"
        "[monitor]\nuser = \"m\"\npassword_env = \"PGWEIR_TEST_PASSWORD\"\n");
    EXPECT_EQ(config.databases.at(0).password, "from outside");
    EXPECT_EQ(config.monitor.password, "from outside");
    EXPECT_EQ(problems_with("[monitor]\npassword_env = \"PGWEIR_TEST_UNSET\"\n"),
              std::vector<std::string>{
                  "t.toml:7:16: monitor.password_env: the environment variable \"PGWEIR_TEST_UNSET\" is not set"});
    EXPECT_EQ(problems_with("[monitor]\npassword_env = \"PGWEIR_TEST_EMPTY\"\n"),
              std::vector<std::string>{
                  "t.toml:7:16: monitor.password_env: the environment variable \"PGWEIR_TEST_EMPTY\" is empty"});
    EXPECT_EQ(problems_with("[monitor]\npassword_env = 7\n"),
              std::vector<std::string>{
                  "t.toml:7:16: monitor.password_env: must be the name of an environment variable, not an integer"});
}

TEST(PasswordSource, OnlyOneIsAllowed) {
    ASSERT_EQ(setenv("PGWEIR_TEST_PASSWORD", "x", 1), 0);
    EXPECT_EQ(problems_with("[[user]]\nname = \"u\"\npassword_env = \"PGWEIR_TEST_PASSWORD\"\npassword = \"y\"\n"),
              std::vector<std::string>{"t.toml:9:1: user.password: the password is given already by password_env; "
                                       "allowed: only one of password, password_file, password_env"});
}

TEST(Password, NoMessageQuotesOne) {
    const std::string cases[] = {
        "[[user]]\nname = \"u\"\npassword = \"SCRAM-SHA-256$hush\"\n",
        "[[user]]\nname = \"u\"\npassword = \"hush\\u0000\"\n",
        "[[user]]\nname = \"u\"\npassword = [\"hush\"]\n",
        "[monitor]\npassword = { hush = \"hush\" }\n",
        "password = \"hush\"\n",  // a password without a user
    };
    for (const std::string& text : cases) {
        const auto problems = problems_with(text);
        ASSERT_EQ(problems.size(), 1U) << text;
        EXPECT_EQ(problems[0].find("hush"), std::string::npos) << problems[0];
    }
}

}  // namespace
}  // namespace pgweir::config
