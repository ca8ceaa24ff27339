#include "proxy/app/state_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace pgweir::app {
namespace {

namespace fs = std::filesystem;

constexpr cluster::Memory kKnown{.system_identifier = 7'000'000'001, .timeline = 3};

class StateDirectoryTest : public testing::Test {
  protected:
    StateDirectoryTest() {
        std::string name = (fs::temp_directory_path() / "pgweir-state-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
    }
    ~StateDirectoryTest() override { fs::remove_all(folder); }

    [[nodiscard]] StateDirectory open() const { return StateDirectory((folder / "state").string()); }
    [[nodiscard]] static std::string text_of(const fs::path& file) {
        std::ifstream in(file);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories(folder / "state");
        std::ofstream(folder / "state" / name) << text;
    }
    template <class Call>
    [[nodiscard]] static std::string error_of(Call call) {
        try {
            call();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "no error";
    }

    fs::path folder;
};

TEST_F(StateDirectoryTest, WhatIsKeptIsReadAgain) {
    EXPECT_EQ(open().read("main"), cluster::Memory{});
    EXPECT_TRUE(open().keep("main", kKnown));
    EXPECT_EQ(open().read("main"), kKnown);
    EXPECT_EQ(open().read("other"), cluster::Memory{});
    EXPECT_TRUE(open().keep("main", {.system_identifier = 7'000'000'001, .timeline = 4}));
    EXPECT_EQ(open().read("main").timeline, 4U);
    EXPECT_FALSE(fs::exists(folder / "state" / "cluster-main.new"));
}

TEST_F(StateDirectoryTest, AClusterMayHaveAnyName) {
    const std::string name = "../a b/ü%";
    EXPECT_TRUE(open().keep(name, kKnown));
    EXPECT_EQ(open().read(name), kKnown);
    EXPECT_TRUE(fs::exists(folder / "state" / "cluster-%2e%2e%2fa%20b%2f%c3%bc%25"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(StateDirectoryTest, WhatCannotBeReadIsAnErrorWithItsPlace) {
    write("cluster-main", "system_identifier = 7\ntimeline = two\n");
    const std::string error = error_of([&] { (void)open().read("main"); });
    EXPECT_TRUE(error.ends_with("state/cluster-main:2: timeline is not a number of its range")) << error;
}

TEST_F(StateDirectoryTest, ADirectoryThatCannotBeUsedIsAnError) {
    EXPECT_NE(error_of([&] { StateDirectory((folder / "a" / "b").string()); }), "no error");
    write("file", "");
    EXPECT_NE(error_of([&] { StateDirectory((folder / "state" / "file").string()); }), "no error");
}

TEST_F(StateDirectoryTest, WhatCannotBeWrittenIsNoEndOfTheProcess) {
    const StateDirectory state = open();
    fs::remove_all(folder / "state");
    EXPECT_FALSE(state.keep("main", kKnown));
}

TEST_F(StateDirectoryTest, TheSaltSecretStaysAndIsPrivate) {
    const std::string secret = open().salt_secret();
    EXPECT_EQ(secret.size(), 32U);
    EXPECT_EQ(open().salt_secret(), secret);
    struct stat status {};
    ASSERT_EQ(::stat((folder / "state" / "salt_secret").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(text_of(folder / "state" / "salt_secret").size(), 65U);
}

TEST_F(StateDirectoryTest, ABadSaltSecretIsAnError) {
    for (const char* text : {"", "00", "00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeef\n",
                             "00112233445566778899aabbccddeefg\n", "00112233445566778899aabbccddeeff\nmore"}) {
        write("salt_secret", text);
        const std::string error = error_of([&] { (void)open().salt_secret(); });
        EXPECT_NE(error.find("state/salt_secret:1: not a secret"), std::string::npos) << text;
    }
}

TEST_F(StateDirectoryTest, WithoutADirectoryNothingIsKept) {
    const StateDirectory none("");
    EXPECT_TRUE(none.keep("main", kKnown));
    EXPECT_EQ(none.read("main"), cluster::Memory{});
    EXPECT_EQ(none.salt_secret(), "");
}

}  // namespace
}  // namespace pgweir::app
