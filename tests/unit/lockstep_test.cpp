// --lockstep says nothing of a right translation and names the first difference of a wrong one.
#include "core/dispatch/lockstep.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/check.h"
#include "core/translate/code_pages.h"
#include "tests/unit/memory_engine.h"

namespace fred::test {
namespace {

constexpr u64 code_at = 0x550000100000, data_at = 0x550000200000;

//   mov eax, 5; mov [rdi+8], al; lea rdx, [rdi+64]; cmp eax, 5; movq xmm1, [rdi+16]; paddb xmm0, xmm1; push rax; ud2
constexpr u8 program[] = {0xb8, 5,    0,    0,    0,    0x88, 0x47, 8,    0x48, 0x8d, 0x57, 64,   0x83, 0xf8,
                          5,    0xf3, 0x0f, 0x7e, 0x4f, 0x10, 0x66, 0x0f, 0xfc, 0xc1, 0x50, 0x0f, 0x0b};

/// A change of the translated code, and what is to be said of it.
struct Wrong {
  const char* name;
  std::vector<u8> from, to;
  const char* said;
};

/// Runs the program twice, the second time with its translation changed. Returns the exit status and what
/// was said; 0 if it came to its end.
std::pair<int, std::string> run(const Wrong& wrong) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    set_error_descriptor(ends[1]);
    MemoryEngine engine;
    for (const auto& [at, prot] :
         {std::pair{code_at, PROT_READ | PROT_WRITE | PROT_EXEC}, {data_at, PROT_READ | PROT_WRITE}}) {
      const i64 got = engine.memory().map(
          {.addr = GuestAddr{at}, .size = page_size, .prot = prot, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
      if (got != static_cast<i64>(at)) _exit(1);
    }
    std::memcpy(GuestAddr{code_at}.ptr(), program, sizeof program);
    CodeCache* cache = nullptr;
    CodePages pages(engine.memory(), cache);
    TranslateOptions options;
    Lockstep::adapt(options);
    Cpu cpu(engine, pages, options);
    cache = &cpu.cache();
    install_kernel_signals(cpu);
    Lockstep lockstep(engine, cpu, pages);
    for (int round = 0; round < 2; ++round) {
      std::memset(GuestAddr{data_at}.ptr(), 0x11, page_size);
      cpu.reset(GuestAddr{code_at}, GuestAddr{data_at + 2048});
      cpu.regs().gpr[rdi] = data_at;
      if (cpu.run().kind != ExitKind::fault || cpu.pc().value != code_at + sizeof program - 2) _exit(2);
      if (lockstep.counters.blocks != static_cast<u64>(round) + 1 || lockstep.counters.skipped != 0) _exit(3);
      const auto& block = cache->block(cache->find(GuestAddr{code_at})->block);
      u8* const end = block.end.ptr();
      u8* const found = std::search(block.begin.ptr(), end, wrong.from.begin(), wrong.from.end());
      if (found == end) _exit(4);
      std::copy(wrong.to.begin(), wrong.to.end(), found);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char piece[512];
  for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;) said.append(piece, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said};
}

}  // namespace

TEST_CASE("lockstep: a translation that is right") {
  const auto [status, said] = run({"nothing", {0xb8, 5, 0, 0, 0}, {0xb8, 5, 0, 0, 0}, ""});
  CHECK(status == 0);
  CHECK(said == "");
}

TEST_CASE("lockstep: a translation that is wrong is reported with the first difference") {
  const std::string start = "fred: lockstep: block at PC 0x550000100000 (8 instructions): ";
  const Wrong rows[] = {
      {"register",
       {0x48, 0x8d, 0x57, 64},
       {0x48, 0x8d, 0x57, 65},
       "rdx native 0x550000200040 translated 0x550000200041"},
      {"flags", {0x83, 0xf8, 5}, {0x83, 0xf8, 4}, "rflags native 0x246 translated 0x202"},
      {"memory", {0x88, 0x47, 8}, {0x88, 0x67, 8}, "memory at 0x550000200008 native 0x5 translated 0x0"},
      {"memory untouched", {0x88, 0x47, 8}, {0x84, 0x47, 8}, "memory at 0x550000200008 native 0x5 translated 0x11"},
      {"vector",
       {0x66, 0x0f, 0xfc, 0xc1},
       {0x66, 0x0f, 0xf8, 0xc1},
       "xmm0 native 11111111111111110000000000000000 translated efefefefefefefef0000000000000000"},
      {"stack", {0x50, 0x0f, 0x0b}, {0x52, 0x0f, 0x0b}, "memory at 0x5500002007f8 native 0x5 translated 0x40"},
      {"stack pointer", {0x50, 0x0f, 0x0b}, {0x90, 0x0f, 0x0b}, "rsp native 0x5500002007f8 translated 0x550000200800"},
      {"no fault", {0x50, 0x0f, 0x0b}, {0x50, 0xf4, 0x0b}, "signal native 0x4 translated 0xb"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto [status, said] = run(row);
    CHECK(status == 125);
    CHECK(said == start + row.said + "\n");
  }
}

}  // namespace fred::test
