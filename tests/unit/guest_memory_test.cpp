#include "core/memory/guest_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

#include "core/base/raw_syscall.h"
#include "core/memory/layout.h"
#include "memory_engine.h"
#include "temporary_folder.h"
#include "test.h"

using namespace fred;
using test::MemoryEngine;
using test::TemporaryFolder;

namespace {

constexpr u32 anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr int rw = PROT_READ | PROT_WRITE;
constexpr GuestAddr area{0x300000000000};  // AddressSanitizer has its shadow at 0x100000000000

MapRequest request(GuestAddr addr, u64 size, int prot = rw, u32 flags = anonymous) {
  return {.addr = addr, .size = size, .prot = prot, .flags = flags};
}

GuestAddr map_anywhere(GuestMemory& memory, u64 size, int prot = rw, u32 flags = anonymous) {
  const i64 at = memory.map(request({}, size, prot, flags));
  REQUIRE(at > 0);
  return GuestAddr{static_cast<u64>(at)};
}

/// What the kernel has at an address: its protection, or -1.
int kernel_prot(GuestAddr addr) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    char bits[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, bits) != 3) continue;
    if (addr.value < begin || addr.value >= end) continue;
    return (bits[0] == 'r' ? PROT_READ : 0) | (bits[1] == 'w' ? PROT_WRITE : 0) | (bits[2] == 'x' ? PROT_EXEC : 0);
  }
  return -1;
}

int table_prot(const GuestMemory& memory, GuestAddr addr) {
  const Mapping* m = memory.table().find(addr);
  return m ? m->prot : -1;
}

/// The bytes of a page, or nothing beyond the end of what is mapped there.
std::vector<u8> page_bytes(GuestAddr page) {
  std::vector<u8> bytes(page_size);
  const iovec local{bytes.data(), page_size}, remote{page.ptr(), page_size};
  if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != static_cast<i64>(page_size)) bytes.clear();
  return bytes;
}

/// Runs `body` in a forked child and returns its exit status.
template <class Body>
int in_child(Body&& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// Maps a file as sys_mmap does.
i64 map_file(MemoryEngine& engine, int fd, u64 size, int prot, u32 flags, u64 offset = 0) {
  auto found = engine.memory().sources().describe(
      fd, {.offset = offset, .size = size, .prot = prot, .shared = (flags & MAP_TYPE) != MAP_PRIVATE});
  if (!found) return found.error();
  MapRequest r = request({}, size, prot, flags);
  r.offset = offset;
  r.max_prot = found->max_prot;
  r.file = std::make_shared<MappedFile>(found->file);
  UniqueFd source;
  r.fd = fd;
  if (engine.mode() == Mode::replay || found->file.source == Source::stand_in) {
    auto opened = engine.memory().sources().open(found->file);
    if (!opened) return -ENOENT;
    source = std::move(*opened);
    r.fd = source.get();
  }
  return engine.memory().map(r);
}

// The same random operations on the guest's memory and, at other addresses, on the kernel's.
class Differential {
 public:
  static constexpr u64 pages = 24;
  static constexpr GuestAddr native{0x200000000000};

  explicit Differential(u32 seed) : random_(seed) {}
  ~Differential() { munmap(native.ptr(), 2 * pages * page_size); }

  void step() {
    const u64 first = pick(pages), count = 1 + pick(std::min<u64>(pages - first, 6));
    u64 offset = first * page_size, size = count * page_size - pick(2) * pick(page_size);
    if (pick(25) == 0) offset += 1 + pick(100);
    if (pick(25) == 0) size = 0;
    switch (pick(9)) {
      case 0:
      case 1:
      case 2:
        return map(offset, size);
      case 3:
        return compare("munmap", memory().unmap(area + offset, size),
                       raw_syscall(SYS_munmap, native.value + offset, size));
      case 4:
      case 5:
        return protect(offset, size);
      case 6:
        return remap(offset, size);
      case 7:
        return advise(offset, size);
      case 8:
        return touch(first);
    }
  }

  void check_all() {
    for (u64 i = 0; i < pages; ++i) {
      const GuestAddr mine = area + i * page_size, its = native + i * page_size;
      const int prot = table_prot(memory(), mine);
      INFO(log_);
      INFO("page ", i);
      REQUIRE(prot == kernel_prot(its));
      REQUIRE(kernel_prot(mine) == (prot < 0 ? -1 : real_prot(prot)));
      if (prot > 0 && prot & PROT_READ) REQUIRE(page_bytes(mine) == page_bytes(its));
    }
  }

 private:
  GuestMemory& memory() { return engine_.memory(); }
  u64 pick(u64 n) { return random_() % n; }
  int pick_prot() {
    static constexpr int prots[] = {PROT_NONE, PROT_READ, rw, rw, PROT_READ | PROT_EXEC};
    return prots[pick(std::size(prots))];
  }

  void compare(const std::string& what, i64 mine, i64 its) {
    log_ += what + "\n";
    INFO(log_);
    if (its > 0 && !is_error(its)) {
      REQUIRE(mine - static_cast<i64>(area.value) == its - static_cast<i64>(native.value));
    } else {
      REQUIRE(mine == its);
    }
  }

  void map(u64 offset, u64 size) {
    static constexpr u32 types[] = {MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, 0};
    u32 flags = types[pick(std::size(types))] | MAP_ANONYMOUS;
    flags |= pick(3) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    if (pick(6) == 0) flags |= MAP_NORESERVE;
    const int prot = pick_prot();
    compare(fmt::format("mmap {:#x} {:#x} prot {} flags {:#x}", offset, size, prot, flags),
            memory().map(request(area + offset, size, prot, flags)),
            raw_syscall(SYS_mmap, native.value + offset, size, static_cast<u64>(prot), flags, ~u64{0}, 0));
  }

  void protect(u64 offset, u64 size) {
    static constexpr int odd[] = {0x10, PROT_GROWSDOWN | PROT_READ, PROT_GROWSUP | PROT_READ, 8 | PROT_READ};
    const int prot = pick(12) ? pick_prot() : odd[pick(std::size(odd))];
    compare(fmt::format("mprotect {:#x} {:#x} {:#x}", offset, size, prot), memory().protect(area + offset, size, prot),
            raw_syscall(SYS_mprotect, native.value + offset, size, static_cast<u64>(prot)));
  }

  void remap(u64 offset, u64 size) {
    static constexpr u32 kinds[] = {0,
                                    0,
                                    MREMAP_MAYMOVE | MREMAP_FIXED,
                                    MREMAP_MAYMOVE | MREMAP_FIXED,
                                    MREMAP_FIXED,
                                    8,
                                    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP};
    const u32 flags = kinds[pick(std::size(kinds))];
    const u64 to = pick(pages) * page_size;
    u64 new_size = pick(3) ? page_ceil(size) : (pick(6)) * page_size;
    if (to + new_size > pages * page_size || offset + new_size > pages * page_size) return;
    // Newer kernels move several mappings at once, and over holes; older ones refuse, as we do.
    const GuestRange old = guest_range(area + page_floor(offset), page_ceil(size));
    const bool whole = memory().table().in(old).size() == 1 && memory().table().covers(old);
    if (table_prot(memory(), old.begin) >= 0 && !whole) return;
    if (flags & MREMAP_DONTUNMAP) size = new_size = page_ceil(size);
    const i64 mine = memory().remap(area + offset, size, new_size, flags, area + to);
    const i64 its = raw_syscall(SYS_mremap, native.value + offset, size, new_size, flags, native.value + to);
    // Which of several errors comes first depends on the kernel.
    const bool both_fail = mine < 0 && its < 0;
    compare(fmt::format("mremap {:#x} {:#x} {:#x} flags {} to {:#x}", offset, size, new_size, flags, to),
            both_fail ? its : mine, its);
  }

  void advise(u64 offset, u64 size) {
    static constexpr int advices[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_NORMAL,     MADV_WILLNEED, MADV_REMOVE,
                                      MADV_DONTFORK, MADV_DOFORK,   MADV_WIPEONFORK, 999,           MADV_NOHUGEPAGE};
    const int advice = advices[pick(std::size(advices))];
    const auto parts = memory().table().in(guest_range(area + page_floor(offset), page_ceil(size)));
    // MADV_REMOVE needs a mapping that was ever writable or a file; kernels differ over which error is first.
    if (advice == MADV_REMOVE && parts.size() != 1) return;
    compare(fmt::format("madvise {:#x} {:#x} {}", offset, size, advice), memory().advise(area + offset, size, advice),
            raw_syscall(SYS_madvise, native.value + offset, size, static_cast<u64>(advice)));
  }

  void touch(u64 page) {
    if (table_prot(memory(), area + page * page_size) != rw || page_bytes(area + page * page_size).empty()) return;
    const u8 value = static_cast<u8>(random_());
    (area + page * page_size).ptr<u8>()[7] = value;
    (native + page * page_size).ptr<u8>()[7] = value;
    log_ += fmt::format("touch {:#x}\n", page * page_size);
  }

  MemoryEngine engine_;
  std::mt19937 random_;
  std::string log_;
};

}  // namespace

TEST_CASE("guest memory: results and state are the kernel's, operation by operation") {
  for (u32 seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Differential differential(seed);
    for (int step = 0; step < 80; ++step) {
      differential.step();
      if (step % 8 == 7) differential.check_all();
    }
  }
}

TEST_CASE("guest memory: where things go") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  const GuestAddr first = map_anywhere(memory, 3 * page_size);
  CHECK(first + 3 * page_size == memory.mmap_top());
  CHECK(map_anywhere(memory, page_size) == first - page_size);
  SUBCASE("hints are taken when free") {
    CHECK(memory.map(request(area, page_size)) == static_cast<i64>(area.value));
    CHECK(memory.map(request(area, page_size)) != static_cast<i64>(area.value));
    CHECK(memory.map(request(area + page_size + 5, page_size)) == static_cast<i64>(area.value + page_size));
    CHECK(memory.map(request(layout::stack_top, page_size)) < static_cast<i64>(layout::stack_top.value));
  }
  SUBCASE("MAP_32BIT stays low") {
    for (int i = 0; i < 3; ++i) {
      const i64 at = memory.map(request({}, 5 * page_size, rw, anonymous | MAP_32BIT));
      CHECK(at == static_cast<i64>(layout::low_2g.begin.value + static_cast<u64>(i) * 5 * page_size));
    }
    CHECK(memory.map(request({}, layout::low_2g.size(), rw, anonymous | MAP_32BIT | MAP_NORESERVE)) == -ENOMEM);
  }
  SUBCASE("whole huge pages are aligned") {
    const GuestAddr huge = map_anywhere(memory, 4 * layout::huge_page, rw, anonymous | MAP_NORESERVE);
    CHECK(huge.value % layout::huge_page == 0);
  }
  SUBCASE("sizes that no memory has") {
    CHECK(memory.map(request({}, 0)) == -EINVAL);
    CHECK(memory.map(request({}, ~u64{0})) == -ENOMEM);
    CHECK(memory.map(request({}, layout::task_size)) == -ENOMEM);
    CHECK(memory.map(request(area, layout::task_size, rw, anonymous | MAP_FIXED)) == -ENOMEM);
  }
  SUBCASE("holes are reused from the top") {
    memory.unmap(first, page_size);
    CHECK(map_anywhere(memory, page_size) == first);
  }
}

TEST_CASE("guest memory: engine ranges are not the guest's") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  const GuestRange window = guest_range(area + 4 * page_size, 2 * page_size);
  REQUIRE(memory.reserve_engine_at(window));
  CHECK(memory.reserve_engine_at(window));
  REQUIRE(memory.map(request(area, 4 * page_size, rw, anonymous | MAP_FIXED)) > 0);
  REQUIRE(memory.map(request(window.end, page_size, rw, anonymous | MAP_FIXED)) > 0);
  CHECK_FALSE(memory.reserve_engine_at(guest_range(area, page_size)));
  CHECK(memory.map(request(area, 5 * page_size, rw, anonymous | MAP_FIXED)) == -ENOMEM);
  CHECK(memory.map(request(window.begin, page_size, rw, anonymous | MAP_FIXED_NOREPLACE)) == -EEXIST);
  CHECK(memory.map(request(layout::stack_top, page_size, rw, anonymous | MAP_FIXED)) == -ENOMEM);
  CHECK(memory.map(request(layout::stack_top, page_size, rw, anonymous | MAP_FIXED_NOREPLACE)) == -EEXIST);
  CHECK(memory.place(request(window.begin, page_size))->begin != window.begin);
  CHECK(memory.protect(window.begin, page_size, PROT_READ) == -ENOMEM);
  CHECK(memory.advise(window.begin, page_size, MADV_DONTNEED) == -ENOMEM);
  CHECK(memory.remap(window.begin, page_size, 2 * page_size, MREMAP_MAYMOVE, {}) == -EFAULT);
  CHECK(memory.remap(area + 3 * page_size, page_size, 2 * page_size, 0, {}) == -ENOMEM);
  CHECK(memory.unmap(area, 8 * page_size) == 0);
  CHECK(table_prot(memory, area) == -1);
  CHECK(kernel_prot(area) == -1);
  CHECK(kernel_prot(window.begin) == PROT_NONE);
  CHECK(memory.unmap(layout::stack_top, page_size) == 0);
  CHECK(memory.maps_text().empty());
  memory.release_engine(window);
  CHECK(kernel_prot(window.begin) == -1);
}

TEST_CASE("guest memory: windows for translated code lie within reach") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  constexpr u64 size = 32 << 20;
  const auto check = [&](GuestAddr code, u64 code_size) {
    CAPTURE(code.value);
    const GuestRange range = guest_range(code, code_size);
    const auto window = memory.reserve_engine_near(range, size);
    REQUIRE(window.has_value());
    CHECK(window->size() == size);
    CHECK(std::max(range.end, window->end) - std::min(range.begin, window->begin) <= layout::window_reach);
    CHECK(kernel_prot(window->begin) == PROT_NONE);
    CHECK(memory.is_engine(*window));
    return *window;
  };
  std::vector<GuestRange> made;
  memory.start_heap(layout::pie_base + (1 << 20));
  made.push_back(check(layout::pie_base, 1 << 20));
  CHECK(made.back().end <= layout::pie_base);
  made.push_back(check(GuestAddr{0x400000}, 1 << 20));
  CHECK(made.back().begin >= layout::low_2g.begin);
  made.push_back(check(memory.mmap_top() - (2 << 20), 1 << 20));
  CHECK(made.back().begin >= layout::stack_top);
  made.push_back(check(area, page_size));
  for (int i = 0; i < 60; ++i) made.push_back(check(area, page_size));  // until the reach is full
  const auto full = memory.reserve_engine_near(guest_range(area, page_size), u64{3} << 29);
  CHECK_FALSE(full.has_value());
  CHECK(full.error().message.find("no room") != std::string::npos);
  for (const auto& range : made) memory.release_engine(range);
}

TEST_CASE("guest memory: the heap") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  memory.start_heap(area);
  CHECK(memory.set_brk({}) == area);
  CHECK(memory.set_brk(area + 100) == area + 100);
  CHECK(table_prot(memory, area) == rw);
  area.ptr<u8>()[50] = 1;
  CHECK(memory.set_brk(area + 5 * page_size) == area + 5 * page_size);
  CHECK(memory.maps_text() == "300000000000-300000005000 rw-p 00000000 00:00 0                          [heap]\n");
  CHECK(memory.set_brk(area - 1) == area + 5 * page_size);
  CHECK(memory.set_brk(area + page_size + 1) == area + page_size + 1);
  CHECK(kernel_prot(area + 2 * page_size) == -1);
  CHECK(memory.set_brk(area) == area);
  CHECK(kernel_prot(area) == -1);
  CHECK(memory.set_brk(area + page_size) == area + page_size);
  CHECK(area.ptr<u8>()[50] == 0);
  // Something in the way, with a page to spare.
  REQUIRE(memory.map(request(area + 4 * page_size, page_size, rw, anonymous | MAP_FIXED)) > 0);
  CHECK(memory.set_brk(area + 4 * page_size) == area + page_size);
  CHECK(memory.set_brk(area + 3 * page_size) == area + 3 * page_size);
  CHECK(memory.set_brk(layout::stack_top + page_size) == area + 3 * page_size);
}

TEST_CASE("guest memory: the stack grows and the table follows") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  REQUIRE(memory.make_stack(2 * page_size, rw) > 0);
  memory.set_initial_sp(layout::stack_top - 100);
  const GuestAddr deep = layout::stack_top - 300 * page_size;
  *(deep + 8).ptr<volatile u64>() = 1;
  CHECK(memory.maps_text() ==
        fmt::format("{:x}-7e0000000000 rw-p 00000000 00:00 0                          [stack]\n", deep.value));
  CHECK(memory.protect(layout::stack_top - page_size, page_size, rw | PROT_EXEC | PROT_GROWSDOWN) == 0);
  CHECK(table_prot(memory, deep) == (rw | PROT_EXEC));
  // Another growing mapping; what lies below it stays free.
  REQUIRE(memory.map(request(area, 2 * page_size, rw, anonymous | MAP_GROWSDOWN | MAP_FIXED)) > 0);
  *(area - 8).ptr<volatile u64>() = 1;
  CHECK(memory.place(request(area - page_size, page_size))->begin != area - page_size);
  CHECK(table_prot(memory, area - 1) == rw);
  CHECK(memory.unmap(area - page_size, 3 * page_size) == 0);
  CHECK(kernel_prot(area - 1) == -1);
}

TEST_CASE("guest memory: mprotect over a hole changes what comes before it") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  REQUIRE(memory.map(request(area, 4 * page_size, rw, anonymous | MAP_FIXED)) > 0);
  REQUIRE(memory.unmap(area + 2 * page_size, page_size) == 0);
  CHECK(memory.protect(area, 4 * page_size, PROT_READ) == -ENOMEM);
  CHECK(table_prot(memory, area + page_size) == PROT_READ);
  CHECK(table_prot(memory, area + 3 * page_size) == rw);
  CHECK(kernel_prot(area + 3 * page_size) == rw);
}

TEST_CASE("guest memory: the translator hears of code") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  const GuestRange code = guest_range(area, 4 * page_size);
  REQUIRE(memory.map(request(code.begin, code.size(), rw | PROT_EXEC, anonymous | MAP_FIXED)) > 0);
  CHECK(engine.mapped == std::vector{code});
  CHECK(kernel_prot(area) == rw);  // never really executable
  CHECK(engine.gone.empty());
  engine.mapped.clear();
  SUBCASE("unmap") {
    memory.unmap(code.begin + page_size, page_size);
    CHECK(engine.gone == std::vector{guest_range(code.begin + page_size, page_size)});
  }
  SUBCASE("protect") {
    memory.protect(code.begin, page_size, PROT_READ);
    CHECK(engine.gone == std::vector{guest_range(code.begin, page_size)});
    CHECK(engine.mapped.empty());
    engine.gone.clear();
    memory.protect(code.begin, page_size, PROT_READ | PROT_EXEC);
    CHECK(engine.gone.empty());
    CHECK(engine.mapped == std::vector{guest_range(code.begin, page_size)});
  }
  SUBCASE("replace") {
    memory.map(request(code.begin, page_size, rw, anonymous | MAP_FIXED));
    CHECK(engine.gone == std::vector{guest_range(code.begin, page_size)});
  }
  SUBCASE("move") {
    REQUIRE(memory.remap(code.begin, code.size(), code.size(), MREMAP_MAYMOVE | MREMAP_FIXED, area + 64 * page_size) >
            0);
    CHECK(engine.gone == std::vector{code});
    CHECK(engine.mapped == std::vector{guest_range(area + 64 * page_size, code.size())});
  }
  SUBCASE("contents dropped") {
    memory.advise(code.begin, page_size, MADV_DONTNEED);
    CHECK(engine.gone == std::vector{guest_range(code.begin, page_size)});
  }
  SUBCASE("data is no code") {
    engine.gone.clear();
    REQUIRE(memory.map(request(area + 32 * page_size, page_size, rw, anonymous | MAP_FIXED)) > 0);
    memory.unmap(area + 32 * page_size, page_size);
    CHECK(engine.gone.empty());
  }
}

TEST_CASE("guest memory: a verdict of failure changes nothing") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  const Verdict no = [](const KernelStep&) -> i64 { return -ENOMEM; };
  REQUIRE(memory.map(request(area, 4 * page_size, rw, anonymous | MAP_FIXED)) > 0);
  memory.start_heap(area + 64 * page_size);
  const auto before = memory.table().all();
  CHECK(memory.map(request({}, page_size), no) == -ENOMEM);
  CHECK(memory.map(request(area, page_size, PROT_READ, anonymous | MAP_FIXED), no) == -ENOMEM);
  CHECK(memory.unmap(area, page_size, no) == -ENOMEM);
  CHECK(memory.protect(area, page_size, PROT_NONE, no) == -ENOMEM);
  CHECK(memory.remap(area, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, area + 99 * page_size, no) == -ENOMEM);
  CHECK(memory.remap(area, 4 * page_size, 8 * page_size, MREMAP_MAYMOVE, {}, no) == -ENOMEM);
  CHECK(memory.set_brk(area + 70 * page_size, no) == area + 64 * page_size);
  CHECK(memory.advise(area, page_size, MADV_DONTNEED, no) == -ENOMEM);
  CHECK(memory.table().all() == before);
}

TEST_CASE("guest memory: MADV_FREE is done at once") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  const GuestAddr at = map_anywhere(memory, 2 * page_size);
  at.ptr<u8>()[0] = 1;
  CHECK(memory.advise(at, page_size, MADV_FREE) == 0);
  CHECK(at.ptr<u8>()[0] == 0);
}

TEST_CASE("guest memory: names of anonymous memory") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  REQUIRE(memory.map(request(area, 3 * page_size, rw, anonymous | MAP_FIXED)) > 0);
  CHECK(memory.name_anonymous(area + page_size, page_size, "pool") == 0);
  CHECK(memory.maps_text().find(
            "300000001000-300000002000 rw-p 00000000 00:00 0                          [anon:pool]\n") !=
        std::string::npos);
  CHECK(memory.name_anonymous(area + page_size, page_size, "") == 0);
  CHECK(memory.table().all().size() >= 1);
  CHECK(memory.maps_text() == "300000000000-300000003000 rw-p 00000000 00:00 0 \n");
  CHECK(memory.name_anonymous(area + 1, page_size, "x") == -EINVAL);
  CHECK(memory.name_anonymous(area, 9 * page_size, "x") == -ENOMEM);
}

TEST_CASE("guest memory: shared anonymous memory is private until a fork needs it") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  GuestMemory& memory = engine.memory();
  const GuestAddr at = map_anywhere(memory, 4 * page_size, rw, MAP_SHARED | MAP_ANONYMOUS);
  at.ptr<u8>()[0] = 1;
  (at + 3 * page_size).ptr<u8>()[5] = 9;
  REQUIRE(memory.unmap(at + page_size, page_size) == 0);
  REQUIRE(memory.protect(at + 2 * page_size, page_size, PROT_NONE) == 0);
  CHECK(in_child([&] { return at.ptr<u8>()[0] = 7, 0; }) == 0);
  CHECK(at.ptr<u8>()[0] == 1);
  CHECK(memory.maps_text().find(" rw-s 00000000 00:01 4294967297                 /dev/zero (deleted)\n") !=
        std::string::npos);

  REQUIRE(memory.share_for_fork().error == 0);
  CHECK(at.ptr<u8>()[0] == 1);
  CHECK((at + 3 * page_size).ptr<u8>()[5] == 9);
  CHECK(kernel_prot(at + page_size) == -1);
  CHECK(kernel_prot(at + 2 * page_size) == PROT_NONE);
  CHECK(in_child([&] { return at.ptr<u8>()[0] = 7, 0; }) == 0);
  CHECK(at.ptr<u8>()[0] == 7);

  // A snapshot must not see what live does from now on.
  CHECK(in_child([&] {
          if (memory.detach_shared() != 0) return 1;
          if (at.ptr<u8>()[0] != 7 || (at + 3 * page_size).ptr<u8>()[5] != 9) return 2;
          at.ptr<u8>()[0] = 8;
          return kernel_prot(at + 2 * page_size) == PROT_NONE ? 0 : 3;
        }) == 0);
  CHECK(at.ptr<u8>()[0] == 7);
}

TEST_CASE("guest memory: what unrecorded children write to shared memory is found") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  GuestMemory& memory = engine.memory();
  const GuestAddr at = map_anywhere(memory, 1 << 20, rw, MAP_SHARED | MAP_ANONYMOUS);
  const GuestAddr large = map_anywhere(memory, 320 << 20, rw, MAP_SHARED | MAP_ANONYMOUS);
  CHECK(memory.shares_memory());
  at.ptr<u8>()[10] = 1;
  REQUIRE(memory.share_for_fork().error == 0);
  CHECK(memory.shared_changes(true).empty());
  REQUIRE(engine.notices.size() == 1);  // too much to follow
  CHECK(engine.notices[0].find("320 MiB") != std::string::npos);
  CHECK(in_child([&] {
          at.ptr<u8>()[10] = 2;
          at.ptr<u8>()[20] = 3;
          at.ptr<u8>()[50 * page_size] = 4;
          large.ptr<u8>()[0] = 5;
          return 0;
        }) == 0);
  CHECK(memory.shared_changes(true) == std::vector{GuestRange{at + 10, at + 21}, guest_range(at + 50 * page_size, 1)});
  CHECK(memory.shared_changes(true).empty());
  at.ptr<u8>()[10] = 0;
  CHECK(memory.shared_changes(true) == std::vector{guest_range(at + 10, 1)});
  REQUIRE(memory.unmap(at, page_size) == 0);
  REQUIRE(memory.protect(at + 50 * page_size, page_size, PROT_NONE) == 0);
  CHECK(memory.shared_changes(true).empty());
}

TEST_CASE("guest memory: two views of shared memory stay one memory") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  GuestMemory& memory = engine.memory();
  const GuestAddr at = map_anywhere(memory, 2 * page_size, rw, MAP_SHARED | MAP_ANONYMOUS);
  at.ptr<u8>()[page_size] = 3;
  const i64 second = memory.remap(at, 0, 2 * page_size, MREMAP_MAYMOVE, {});
  REQUIRE(second > 0);
  const GuestAddr view{static_cast<u64>(second)};
  CHECK(view.ptr<u8>()[page_size] == 3);
  view.ptr<u8>()[0] = 4;
  CHECK(at.ptr<u8>()[0] == 4);
  CHECK(in_child([&] {
          if (memory.detach_shared() != 0) return 1;
          view.ptr<u8>()[1] = 5;
          return at.ptr<u8>()[1] == 5 ? 0 : 2;
        }) == 0);
  CHECK(at.ptr<u8>()[1] == 0);
}

TEST_CASE("guest memory: advice about forks is done in the guest's children only") {
  MemoryEngine engine;
  GuestMemory& memory = engine.memory();
  const GuestAddr kept = map_anywhere(memory, page_size), gone = map_anywhere(memory, page_size);
  kept.ptr<u8>()[0] = gone.ptr<u8>()[0] = 1;
  CHECK(memory.advise(gone, page_size, MADV_DONTFORK) == 0);
  CHECK(memory.advise(kept, page_size, MADV_WIPEONFORK) == 0);
  CHECK(in_child([&] { return gone.ptr<u8>()[0] + kept.ptr<u8>()[0]; }) == 2);
  CHECK(in_child([&] {
          memory.apply_fork_advice();
          return kept.ptr<u8>()[0] == 0 && kernel_prot(gone) == -1 && table_prot(memory, gone) == -1 ? 0 : 1;
        }) == 0);
  CHECK(memory.advise(gone, page_size, MADV_DOFORK) == 0);
  CHECK(memory.advise(kept, page_size, MADV_KEEPONFORK) == 0);
  CHECK(in_child([&] {
          memory.apply_fork_advice();
          return gone.ptr<u8>()[0] + kept.ptr<u8>()[0];
        }) == 2);
}

TEST_CASE("file sources: what this user could change is copied, the rest is not") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  FileSources& sources = engine.memory().sources();
  const std::string path = folder.file("data", std::string(3 * page_size, 'a'));
  const UniqueFd fd{open(path.c_str(), O_RDONLY)};
  const auto found = sources.describe(fd.get(), {.size = page_size, .prot = PROT_READ});
  REQUIRE(found.has_value());
  CHECK(found->file.source == Source::stand_in);
  CHECK(found->file.path == path);
  CHECK(std::filesystem::file_size(folder.path() + "/" + found->file.source_path) == 3 * page_size);

  const UniqueFd system{open("/usr/bin/env", O_RDONLY)};
  const auto direct = sources.describe(system.get(), {.size = page_size, .prot = PROT_READ | PROT_EXEC});
  REQUIRE(direct.has_value());
  CHECK(direct->file.source == Source::direct);
  MappedFile changed = direct->file;
  CHECK(sources.open(changed).has_value());
  changed.mtime_ns += 1;
  const auto refused = sources.open(changed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("has changed since it was recorded") != std::string::npos);

  SUBCASE("a mapping does not follow the file") {
    const i64 at = map_file(engine, fd.get(), 3 * page_size, PROT_READ, MAP_PRIVATE);
    REQUIRE(at > 0);
    std::ofstream(path) << std::string(3 * page_size, 'b');
    CHECK(*GuestAddr{static_cast<u64>(at)}.ptr<char>() == 'a');
    // A new mapping shows the new bytes, although the file's times may be the same as before.
    const i64 again = map_file(engine, fd.get(), 3 * page_size, PROT_READ, MAP_PRIVATE);
    CHECK(*GuestAddr{static_cast<u64>(again)}.ptr<char>() == 'b');
  }
  SUBCASE("an unchanged file is copied once") {
    timespec old[2] = {{.tv_sec = 1'000'000'000, .tv_nsec = 0}, {.tv_sec = 1'000'000'000, .tv_nsec = 0}};
    futimens(open(path.c_str(), O_WRONLY), old);
    // Its ctime is now: until that has settled, every mapping copies. A clock far ahead would do; so does waiting for
    // the file system's clock to move on.
    struct stat before {
    }, now{};
    stat(path.c_str(), &before);
    do {
      folder.file("clock", "x");
      stat((folder.path() + "/clock").c_str(), &now);
    } while (now.st_ctim.tv_sec * 1'000'000'000 + now.st_ctim.tv_nsec <
             before.st_ctim.tv_sec * 1'000'000'000 + before.st_ctim.tv_nsec + 200'000'000);
    const auto one = sources.describe(fd.get(), {.size = page_size, .prot = PROT_READ});
    const auto two = sources.describe(fd.get(), {.size = 3 * page_size, .prot = PROT_READ});
    CHECK(one->file.source_path == two->file.source_path);
    std::ofstream(path) << std::string(3 * page_size, 'b');
    const auto three = sources.describe(fd.get(), {.size = page_size, .prot = PROT_READ});
    CHECK(three->file.source_path != two->file.source_path);
  }
  SUBCASE("no room for the copy") {
    MemoryEngine nowhere(Mode::record, folder.path() + "/missing/folder");
    const auto failed = nowhere.memory().sources().describe(fd.get(), {.size = page_size, .prot = PROT_READ});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error() == -ENOMEM);
    REQUIRE(nowhere.notices.size() == 1);
    CHECK(nowhere.notices[0].find(path) != std::string::npos);
  }
}

TEST_CASE("file sources: access, devices, directories") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  FileSources& sources = engine.memory().sources();
  const std::string path = folder.file("data", "x");
  const FileUse shared_write{.size = page_size, .prot = rw, .shared = true};
  const UniqueFd read_only{open(path.c_str(), O_RDONLY)}, write_only{open(path.c_str(), O_WRONLY)},
      opened_path{open(path.c_str(), O_PATH)}, null{open("/dev/null", O_RDWR)}, zero{open("/dev/zero", O_RDWR)},
      directory{open("/tmp", O_RDONLY)};
  CHECK(sources.describe(-1, {}).error() == -EBADF);
  CHECK(sources.describe(opened_path.get(), {.size = 1}).error() == -EBADF);
  CHECK(sources.describe(read_only.get(), shared_write).error() == -EACCES);
  CHECK(sources.describe(write_only.get(), {.size = 1, .prot = PROT_READ}).error() == -EACCES);
  CHECK(sources.describe(directory.get(), {.size = 1, .prot = PROT_READ}).error() == -ENODEV);
  CHECK(sources.describe(zero.get(), {.size = 1, .prot = PROT_READ})->anonymous);
  CHECK(engine.notices.empty());
  CHECK(sources.describe(null.get(), {.size = 1, .prot = PROT_READ}).error() == -ENODEV);
  CHECK(engine.notices.size() == 1);
  const auto shown = sources.describe(read_only.get(), {.size = 1, .prot = PROT_READ, .shared = true});
  CHECK(shown->max_prot == (PROT_READ | PROT_EXEC));
}

TEST_CASE("file sources: holes stay holes") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  const std::string path = folder.file("sparse", "");
  constexpr u64 size = u64{200} << 20;
  std::filesystem::resize_file(path, size);
  UniqueFd fd{open(path.c_str(), O_RDWR)};
  REQUIRE(pwrite(fd.get(), "middle", 6, size / 2) == 6);
  const auto found = engine.memory().sources().describe(fd.get(), {.size = page_size, .prot = PROT_READ});
  REQUIRE(found.has_value());
  struct stat st {};
  REQUIRE(stat((folder.path() + "/" + found->file.source_path).c_str(), &st) == 0);
  CHECK(st.st_size == static_cast<off_t>(size));
  CHECK(st.st_blocks * 512 < 1 << 20);
  CHECK(lseek(fd.get(), 0, SEEK_CUR) == 0);  // the guest's position is not ours to move
  auto copy = engine.memory().sources().open(found->file);
  char text[6];
  REQUIRE(copy.has_value());
  CHECK(pread(copy->get(), text, 6, size / 2) == 6);
  CHECK(std::string(text, 6) == "middle");
}

TEST_CASE("file sources: a shared writable file is real in live and one private object in a worker") {
  TemporaryFolder folder;
  const std::string path = folder.file("data", std::string(2 * page_size, 'a'));
  const UniqueFd fd{open(path.c_str(), O_RDWR)};
  MappedFile described;
  {
    MemoryEngine live(Mode::record, folder.path());
    const i64 at = map_file(live, fd.get(), 2 * page_size, rw, MAP_SHARED);
    REQUIRE(at > 0);
    const GuestAddr view{static_cast<u64>(at)};
    described = *live.memory().table().find(view)->file;
    CHECK(described.source == Source::shared);
    view.ptr<char>()[0] = 'z';
    char byte = 0;
    CHECK(pread(fd.get(), &byte, 1, 0) == 1);
    CHECK(byte == 'z');
    // A read-only view of the same file is the same memory too.
    const UniqueFd read_only{open(path.c_str(), O_RDONLY)};
    const i64 second = map_file(live, read_only.get(), page_size, PROT_READ, MAP_SHARED);
    REQUIRE(second > 0);
    view.ptr<char>()[1] = 'y';
    CHECK(GuestAddr{static_cast<u64>(second)}.ptr<char>()[1] == 'y');
  }
  MemoryEngine worker(Mode::replay, folder.path());
  const auto map = [&] {
    auto source = worker.memory().sources().open(described);
    REQUIRE(source.has_value());
    MapRequest r = request({}, 2 * page_size, rw, MAP_SHARED);
    r.file = std::make_shared<MappedFile>(described);
    r.fd = source->get();
    const i64 at = worker.memory().map(r);
    REQUIRE(at > 0);
    return GuestAddr{static_cast<u64>(at)}.ptr<char>();
  };
  char* one = map();
  CHECK(one[0] == 'a');  // as it was when it was mapped
  char* two = map();
  one[page_size] = 'q';
  CHECK(two[page_size] == 'q');
  char byte = 0;
  CHECK(pread(fd.get(), &byte, 1, page_size) == 1);
  CHECK(byte == 'a');
}

TEST_CASE("guest memory: saved and rebuilt") {
  TemporaryFolder folder;
  const std::string path = folder.file("data", std::string(2 * page_size, 'a'));
  const UniqueFd fd{open(path.c_str(), O_RDONLY)};
  MemoryEngine engine(Mode::record, folder.path());
  GuestMemory& memory = engine.memory();
  memory.start_heap(area);
  memory.set_brk(area + 3 * page_size);
  REQUIRE(memory.make_stack(4 * page_size, rw) > 0);
  memory.set_initial_sp(layout::stack_top - 64);
  REQUIRE(map_file(engine, fd.get(), 2 * page_size, PROT_READ | PROT_EXEC, MAP_PRIVATE) > 0);
  REQUIRE(memory.map(request({}, 3 * page_size, rw, MAP_SHARED | MAP_ANONYMOUS)) > 0);
  const auto window = memory.reserve_engine_near(guest_range(area, page_size), 1 << 20);
  REQUIRE(window.has_value());
  const auto state = memory.serialise();
  const std::string text = memory.maps_text();

  memory.clear_guest();
  CHECK(memory.maps_text().empty());
  memory.release_engine(*window);
  MemoryEngine worker(Mode::replay, folder.path());
  const auto restored = worker.memory().restore(std::span<const u8>(state));
  REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
  CHECK(worker.memory().maps_text() == text);
  CHECK(worker.memory().brk() == area + 3 * page_size);
  CHECK(worker.memory().is_engine(*window));
  CHECK(worker.mapped.size() == 1);
  for (const auto& [begin, m] : worker.memory().table().all()) {
    if (m.owner != Owner::guest) continue;
    CHECK(kernel_prot(begin) == real_prot(m.prot));
    if (m.file && m.file->path == path) CHECK(begin.ptr<char>()[page_size] == 'a');
  }
  CHECK(worker.memory().serialise() == state);
  for (std::size_t cut = 0; cut < state.size(); cut += 7) {
    MemoryEngine damaged(Mode::replay, folder.path());
    CHECK_FALSE(damaged.memory().restore(std::span<const u8>(state).first(cut)).has_value());
  }
  worker.memory().release_engine(*window);
}
