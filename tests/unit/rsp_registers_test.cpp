// The registers that gdb sees, and back.

#include <cstring>
#include <random>

#include "cli/shell_words.h"
#include "core/arch/x86/guest_cpu.h"
#include "gdbmi/rsp/register_table.h"
#include "gdbmi/rsp/signals.h"
#include "test.h"

namespace fred::remote {

namespace {
constexpr u64 x87_sse_avx = 7;

RegisterState some_state(u64 components) {
  RegisterState state;
  std::mt19937_64 random(5);
  for (auto& r : state.general.gpr) r = random();
  state.general.rip = random();
  state.general.rflags = 0x246;
  state.vector.resize(4096);
  for (auto& b : state.vector) b = static_cast<u8>(random());
  std::memcpy(state.vector.data() + 512, &components, sizeof components);
  return state;
}

const RegisterRow& row(const RegisterTable& table, std::string_view name) {
  for (const auto& r : table.rows()) {
    if (r.name == name) return r;
  }
  FAIL("no register ", std::string(name));
  return table.rows().front();
}
}  // namespace

TEST_CASE("rsp: the guest's components decide which registers there are") {
  const RegisterTable small(3), middle(x87_sse_avx), all(0xe7);
  CHECK(small.rows().size() == 16 + 2 + 6 + 8 + 8 + 17 + 1 + 2);
  CHECK(middle.rows().size() == small.rows().size() + 16);
  CHECK(all.rows().size() == middle.rows().size() + 16 + 16 + 8 + 32);
  CHECK(!middle.target_xml().contains("avx512"));
  CHECK(all.target_xml().contains("name=\"zmm31h\""));
  CHECK(row(all, "rsi").offset == rsi);
  CHECK(row(all, "r15").offset == r15);
}

TEST_CASE("rsp: what is written is read") {
  const RegisterTable table(x87_sse_avx);
  auto state = some_state(x87_sse_avx);
  const auto before = table.read_all(state);
  RegisterState copy = some_state(x87_sse_avx);
  REQUIRE(table.write_all(copy, before));
  CHECK(table.read_all(copy) == before);
  CHECK(copy.general == state.general);
  CHECK(!table.write_all(copy, std::span(before).first(before.size() - 1)));
  std::mt19937 random(2);
  for (const auto& r : table.rows()) {
    CAPTURE(r.name);
    std::vector<u8> bytes(r.bytes());
    for (auto& b : bytes) b = static_cast<u8>(random());
    REQUIRE(write_register(r, copy, bytes));
    const bool narrow = r.place == Place::legacy16;
    const bool fixed = r.place == Place::constant || r.place == Place::system_call || r.place == Place::tags;
    const auto now = read_register(r, copy);
    if (!fixed) CHECK(std::equal(bytes.begin(), narrow ? bytes.begin() + 2 : bytes.end(), now.begin()));
    CHECK(!write_register(r, copy, std::span(bytes).first(bytes.size() - 1)));
  }
}

TEST_CASE("rsp: the x87 tag word") {
  const RegisterTable table(3);
  auto state = some_state(3);
  std::memset(state.vector.data(), 0, 512);
  const auto tags = [&] {
    u32 value;
    std::memcpy(&value, read_register(row(table, "ftag"), state).data(), sizeof value);
    return value;
  };
  CHECK(tags() == 0xffff);
  const u16 top_7 = 7 << 11;
  std::memcpy(state.vector.data() + 2, &top_7, sizeof top_7);
  state.vector[4] = 0x80;   // physical 7 is st0
  CHECK(tags() == 0x7fff);  // zero
  const u64 one = u64{1} << 63;
  const u16 exponent = 0x3fff;
  std::memcpy(state.vector.data() + 32, &one, sizeof one);
  std::memcpy(state.vector.data() + 40, &exponent, sizeof exponent);
  CHECK(tags() == 0x3fff);  // valid
  state.vector[41] = 0x7f;
  state.vector[40] = 0xff;
  CHECK(tags() == 0xbfff);  // special
  CHECK(write_register(row(table, "ftag"), state, std::vector<u8>{0xff, 0xff, 0, 0}));
  CHECK(state.vector[4] == 0);
}

TEST_CASE("rsp: signals") {
  CHECK(gdb_signal(11) == 11);
  CHECK(gdb_signal(10) == 30);  // SIGUSR1
  CHECK(gdb_signal(7) == 10);   // SIGBUS
  CHECK(gdb_signal(34) == 46);
  for (int n = 1; n <= 64; ++n) {
    if (gdb_signal(n) != 143) CHECK(linux_signal(gdb_signal(n)) == n);
  }
  CHECK(!linux_signal(143));
}

TEST_CASE("shell words: what gdb's run leaves to the shell") {
  CHECK(shell_word("plain") == "'plain'");
  CHECK(shell_word("two words *") == "'two words *'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("*.c") == "*.c");
  CHECK(shell_word("2>&1") == "2>&1");
  CHECK(shell_word(">out(1)") == ">out\\(1\\)");
  CHECK(shell_word("$HOME/x;y") == "$HOME/x\\;y");
  CHECK(!needs_shell(std::vector<std::string>{"a", "b c*"}));
  CHECK(needs_shell(std::vector<std::string>{"<in"}));
}

}  // namespace fred::remote
