#include "core/syscalls/proc_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <sstream>

#include "core/memory/layout.h"
#include "memory_engine.h"
#include "test.h"

using namespace fred;
using test::MemoryEngine;

namespace {

/// A guest with a heap, a stack, arguments and an environment.
class Guest {
 public:
  Guest() {
    GuestMemory& memory = engine.memory();
    memory.start_heap(layout::pie_base);
    memory.set_brk(layout::pie_base + page_size);
    REQUIRE(memory.make_stack(4 * page_size, PROT_READ | PROT_WRITE) > 0);
    memory.set_initial_sp(layout::stack_top - 2048);
    GuestProcess& process = engine.process();
    process.exe = "/usr/bin/the guest";
    process.comm = "a) (b";
    process.auxv = {1, 2, 3};
    const std::string strings("prog\0-x\0HOME=/\0A=1\0", 19);
    const GuestAddr at = layout::stack_top - 1024;
    std::memcpy(at.ptr(), strings.data(), strings.size());
    process.args_area = {at, at + 8};
    process.env_area = {at + 8, at + strings.size()};
  }
  std::string text(const std::string& name) {
    return emulated_proc_text(engine, "/proc/self/" + name).value_or("(none)");
  }
  MemoryEngine engine;
};

std::vector<std::string> fields(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

}  // namespace

TEST_CASE("proc files: which paths are the guest's own") {
  const std::string pid = std::to_string(getpid());
  CHECK(own_proc_part("/proc/self/maps") == "maps");
  CHECK(own_proc_part("/proc/thread-self/maps") == "maps");
  CHECK(own_proc_part("/proc/" + pid + "/maps") == "maps");
  CHECK(own_proc_part("/proc//self/./maps") == "maps");
  CHECK(own_proc_part("/proc/self/task/" + pid + "/maps") == "maps");
  CHECK(own_proc_part("/proc/self/fd/3") == "fd/3");
  CHECK(own_proc_part("/proc/self") == "");
  CHECK(own_proc_part("/proc/self/task/1/maps") == "task/1/maps");
  CHECK_FALSE(own_proc_part("/proc/1/maps"));
  CHECK_FALSE(own_proc_part("/proc/" + pid + "1/maps"));
  CHECK_FALSE(own_proc_part("/proc/cpuinfo"));
  CHECK_FALSE(own_proc_part("/proc"));
  CHECK_FALSE(own_proc_part("/tmp/proc/self/maps"));
}

TEST_CASE("proc files: the guest reads of itself, not of the engine") {
  Guest guest;
  CHECK(guest.text("maps") ==
        "550000000000-550000001000 rw-p 00000000 00:00 0                          [heap]\n"
        "7dffffffc000-7e0000000000 rw-p 00000000 00:00 0                          [stack]\n");
  CHECK(guest.text("auxv") == "\1\2\3");
  CHECK(guest.text("comm") == "a) (b\n");
  CHECK(guest.text("environ") == std::string("HOME=/\0A=1\0", 11));
  CHECK(guest.text("fd/0") == "(none)");
  CHECK(guest.text("exe") == "(none)");
  CHECK(emulated_proc_link(guest.engine, "/proc/self/exe") == "/usr/bin/the guest");
  CHECK_FALSE(emulated_proc_link(guest.engine, "/proc/self/cwd"));
  CHECK_FALSE(emulated_proc_text(guest.engine, "/proc/1/maps"));
}

TEST_CASE("proc files: a program may write over its arguments") {
  Guest guest;
  CHECK(guest.text("cmdline") == std::string("prog\0-x\0", 8));
  char* args = guest.engine.process().args_area.begin.ptr<char>();
  args[0] = 'P';
  CHECK(guest.text("cmdline") == std::string("Prog\0-x\0", 8));
  std::memcpy(args, "a longer title\0", 15);  // into the environment
  CHECK(guest.text("cmdline") == "a longer title");
}

TEST_CASE("proc files: stat, statm and status tell of the guest's memory") {
  Guest guest;
  const std::string stat = guest.text("stat");
  const auto close = stat.rfind(')');
  CHECK(stat.substr(0, close + 1) == std::to_string(getpid()) + " (a) (b)");
  const auto rest = fields(stat.substr(close + 1));
  REQUIRE(rest.size() == 50);  // fields 3 to 52
  const auto field = [&](std::size_t number) { return std::stoull(rest[number - 3]); };
  CHECK(field(4) == static_cast<u64>(getppid()));
  CHECK(field(23) == 5 * page_size);
  CHECK(field(28) == layout::stack_top.value - 2048);
  CHECK(field(47) == layout::pie_base.value);
  CHECK(field(48) == guest.engine.process().args_area.begin.value);
  CHECK(field(51) == guest.engine.process().env_area.end.value);
  CHECK(stat.back() == '\n');

  CHECK(fields(guest.text("statm"))[0] == "5");
  const std::string status = guest.text("status");
  CHECK(status.starts_with("Name:\ta) (b\n"));
  CHECK(status.find("VmSize:\t      20 kB\n") != std::string::npos);
  CHECK(status.find("VmStk:\t      16 kB\n") != std::string::npos);
  CHECK(status.find("Threads:\t") != std::string::npos);
}

TEST_CASE("proc files: smaps has the guest's mappings with the kernel's figures") {
  Guest guest;
  // The kernel has two mappings where the guest has one.
  GuestMemory& memory = guest.engine.memory();
  memory.set_brk(layout::pie_base + 4 * page_size);
  std::memset(layout::pie_base.ptr(), 1, 4 * page_size);
  REQUIRE(mprotect((layout::pie_base + page_size).ptr(), page_size, PROT_READ) == 0);
  const std::string text = guest.text("smaps");
  CHECK(
      text.starts_with("550000000000-550000004000 rw-p 00000000 00:00 0                          [heap]\n"
                       "Size:                 16 kB\n"));
  CHECK(text.find("Anonymous:            16 kB\n") < text.find("[stack]"));
  CHECK(text.find("KernelPageSize:        4 kB\n") != std::string::npos);
  CHECK(text.find("VmFlags: ") != std::string::npos);
  u64 mappings = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) mappings += line.starts_with("Size:");
  CHECK(mappings == 2);
}
