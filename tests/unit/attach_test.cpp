#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "core/attach/adopted_state.h"
#include "core/memory/smaps.h"
#include "core/vdso/kernel_vdso.h"
#include "core/vdso/vdso.h"
#include "gdbmi/prompt/options.h"
#include "gdbmi/rsp/packets.h"
#include "test.h"

using namespace fred;

TEST_CASE("smaps: mappings with their flags") {
  const auto mappings = parse_smaps(
      "55d0c000-55d0d000 r-xp 00001000 08:01 1234                       /usr/bin/a b\n"
      "Size:                  4 kB\n"
      "VmFlags: rd ex mr mw me sd \n"
      "7f0000000000-7f0000004000 rw-s 00000000 00:01 99 /dev/zero (deleted)\n"
      "VmFlags: rd wr sh mr mw me ms dc wf\n"
      "7f0000004000-7f0000005000 r--s 00002000 fe:10 7 /data\n"
      "VmFlags: rd mr me ms\n"
      "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n"
      "VmFlags: rd wr mr mw me gd ac nr\n"
      "7ffd00022000-7ffd00026000 r--p 00000000 00:00 0                          [vvar]\n"
      "VmFlags: rd mr pf io\n");
  REQUIRE(mappings);
  REQUIRE(mappings->size() == 5);
  const auto& code = (*mappings)[0];
  CHECK(code.range == GuestRange{GuestAddr{0x55d0c000}, GuestAddr{0x55d0d000}});
  CHECK(code.prot == (PROT_READ | PROT_EXEC));
  CHECK(!code.shared);
  CHECK(code.offset == 0x1000);
  CHECK(code.dev == makedev(8, 1));
  CHECK(code.ino == 1234);
  CHECK(code.path == "/usr/bin/a b");
  CHECK(code.may_write);
  const auto& memory = (*mappings)[1];
  CHECK(memory.shared);
  CHECK(memory.dont_fork);
  CHECK(memory.wipe_on_fork);
  CHECK(memory.path == "/dev/zero (deleted)");
  CHECK(!(*mappings)[2].may_write);
  const auto& stack = (*mappings)[3];
  CHECK(!stack.is_file());
  CHECK(stack.grows_down);
  CHECK(stack.accounted);
  CHECK(stack.no_reserve);
  CHECK((*mappings)[4].device);
}

TEST_CASE("smaps: what cannot be read is an error") {
  CHECK(!parse_smaps("55d0c000-55d0d000 r-xp"));
  CHECK(!parse_smaps("hello\n"));
  CHECK(parse_smaps("")->empty());
}

TEST_CASE("the functions of a vDSO are found by name") {
  const auto image = vdso_image();
  const auto function = find_vdso_function(image.data(), "__vdso_clock_gettime");
  CHECK(function.size != 0);
  CHECK(function.at.value >= reinterpret_cast<u64>(image.data()));
  CHECK(function.at.value + function.size <= reinterpret_cast<u64>(image.data() + image.size()));
  CHECK(find_vdso_function(image.data(), "__vdso_getcpu").at != function.at);
  CHECK(find_vdso_function(image.data(), "nothing").size == 0);
}

TEST_CASE("the state of a program to take over goes through bytes") {
  AdoptedState state;
  state.smaps = "maps";
  state.args = {"a", "b"};
  state.env = {"X=1"};
  state.threads.resize(2);
  state.threads[0].clear_tid = GuestAddr{9};
  state.threads[0].comm = "one";
  state.threads[1].vector = {1, 2, 3};
  state.threads.front().registers.rip = 0x1234;
  const auto bytes = state.serialise();
  const auto again = AdoptedState::deserialise(bytes);
  REQUIRE(again);
  CHECK(again->smaps == "maps");
  CHECK(again->args == state.args);
  CHECK(again->env == state.env);
  REQUIRE(again->threads.size() == 2);
  CHECK(again->threads[0].registers.rip == 0x1234);
  CHECK(again->threads[0].clear_tid == GuestAddr{9});
  CHECK(again->threads[0].comm == "one");
  CHECK(again->threads[1].vector == state.threads[1].vector);
  CHECK(!AdoptedState::deserialise(std::span(bytes).first(bytes.size() - 1)));
}

TEST_CASE("-p is the first command: attach") {
  const char* const words[] = {"-ex", "info threads", "-p", "71"};
  const auto options = parse_options(words);
  REQUIRE(options);
  REQUIRE(options->commands.size() == 2);
  CHECK(options->commands[0].text == "attach 71");
  CHECK(options->commands[1].text == "info threads");
}

TEST_CASE("vAttach names a process") {
  const auto packet = remote::parse_packet("vAttach;1f");
  REQUIRE(std::holds_alternative<remote::Attach>(packet));
  CHECK(std::get<remote::Attach>(packet).process == 0x1f);
  CHECK(std::holds_alternative<remote::Malformed>(remote::parse_packet("vAttach;x")));
}
