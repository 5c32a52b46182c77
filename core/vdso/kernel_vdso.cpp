#include "core/vdso/kernel_vdso.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/raw_syscall.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

/// Every function of the kernel's that reads its data pages, and the call that does the same.
constexpr struct {
  std::string_view name;
  u32 number;
  bool required;
} functions[] = {
    {"__vdso_clock_gettime", SYS_clock_gettime, true},
    {"__vdso_gettimeofday", SYS_gettimeofday, true},
    {"__vdso_time", SYS_time, true},
    {"__vdso_clock_getres", SYS_clock_getres, false},
    {"__vdso_getcpu", SYS_getcpu, false},
    {"__vdso_getrandom", SYS_getrandom, false},
};

/// mov $number, %eax; syscall; ret
std::array<u8, 8> call_code(u32 number) {
  std::array<u8, 8> code = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};
  std::memcpy(&code[1], &number, sizeof number);
  return code;
}

/// The kernel may have sealed its mapping; a debugger's way in is open all the same.
Result<> write_code(GuestAddr at, const std::array<u8, 8>& code) {
  const UniqueFd memory{raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/mem"), O_RDWR | O_CLOEXEC)};
  const i64 n = raw_syscall(SYS_pwrite64, static_cast<u64>(memory.get()), reinterpret_cast<u64>(code.data()),
                            code.size(), at.value);
  if (n == static_cast<i64>(code.size())) return {};
  const u64 page = page_floor(at.value), size = page_ceil(at.value + code.size()) - page;
  const i64 open = raw_syscall(SYS_mprotect, page, size, PROT_READ | PROT_WRITE);
  if (open < 0) return fail_errno(static_cast<int>(-open), "changing the vDSO");
  std::memcpy(at.ptr(), code.data(), code.size());
  raw_syscall(SYS_mprotect, page, size, PROT_READ | PROT_EXEC);
  return {};
}

}  // namespace

VdsoFunction find_vdso_function(const u8* image, std::string_view name) {
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(image);
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(image + header->e_phoff);
  const Elf64_Dyn* dynamic = nullptr;
  u64 bias = reinterpret_cast<u64>(image);
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD) bias = reinterpret_cast<u64>(image) + segments[i].p_offset - segments[i].p_vaddr;
    if (segments[i].p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const Elf64_Dyn*>(image + segments[i].p_offset);
  }
  if (dynamic == nullptr) return {};
  const Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  const u32* hash = nullptr;
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    const u64 at = bias + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const Elf64_Sym*>(at);
    if (dynamic->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(at);
    if (dynamic->d_tag == DT_HASH) hash = reinterpret_cast<const u32*>(at);
  }
  if (symbols == nullptr || names == nullptr) return {};
  // How many symbols there are only this table says; without it the names lie behind them.
  const u64 count =
      hash != nullptr ? hash[1] : (reinterpret_cast<u64>(names) - reinterpret_cast<u64>(symbols)) / sizeof *symbols;
  for (u64 i = 0; i < count; ++i) {
    if (name == names + symbols[i].st_name) return {GuestAddr{bias + symbols[i].st_value}, symbols[i].st_size};
  }
  return {};
}

Result<> make_vdso_calls(GuestRange vdso) {
  if (vdso.empty()) return {};
  for (const auto& f : functions) {
    const auto function = find_vdso_function(vdso.begin.ptr<const u8>(), f.name);
    if (function.size == 0 && f.required) return fail("the kernel's vDSO cannot be read");
    if (function.size == 0) continue;
    const auto code = call_code(f.number);
    if (function.size < code.size() || !vdso.contains(function.at))
      return fail("a vDSO with functions that are too short");
    if (auto done = write_code(function.at, code); !done) return done;
  }
  return {};
}

}  // namespace fred
