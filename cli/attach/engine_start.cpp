#include "cli/attach/engine_start.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "core/base/raw_syscall.h"
#include "core/elf/elf_file.h"

namespace fred {

namespace {

constexpr u64 stack_size = u64{8} << 20;

/// Entries of the auxiliary vector that are the machine's and the user's, not the program's.
constexpr u64 kept_entries[] = {AT_PAGESZ, AT_HWCAP, AT_HWCAP2, AT_CLKTCK, AT_UID,
                                AT_EUID,   AT_GID,   AT_EGID,   AT_FLAGS,  AT_MINSIGSTKSZ};

struct Image {
  ElfFile elf;
  u64 bias = 0;
};

/// Maps a position-independent file anywhere.
Result<Image> map_image(StoppedProcess& process, const std::string& path, u64 scratch) {
  const UniqueFd own{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!own) return fail_errno(errno, path);
  auto elf = read_elf(own.get(), path);
  if (!elf) return std::unexpected(elf.error());
  if (!process.write(scratch, path.c_str(), path.size() + 1)) return fail("cannot write to the process's memory");
  const auto fd = made(process.call(SYS_open, scratch, O_RDONLY | O_CLOEXEC), path.c_str());
  if (!fd) return std::unexpected(fd.error());
  const auto close_it = [&] { process.call(SYS_close, *fd); };
  const auto room =
      made(process.call(SYS_mmap, 0, elf->span(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, ~u64{0}, 0), "mmap");
  if (!room) return close_it(), std::unexpected(room.error());
  const u64 bias = *room - elf->first_page();
  for (const auto& s : elf->segments) {
    const u64 begin = page_floor(s.vaddr), file_end = s.vaddr + s.file_size, end = s.vaddr + s.memory_size;
    const u64 offset = static_cast<u64>(s.offset) - (s.vaddr - begin);
    const auto prot = static_cast<u64>(s.prot);
    auto at = made(
        process.call(SYS_mmap, bias + begin, page_ceil(file_end) - begin, prot, MAP_PRIVATE | MAP_FIXED, *fd, offset),
        "mmap");
    if (at && end > page_ceil(file_end)) {
      at = made(process.call(SYS_mmap, bias + page_ceil(file_end), page_ceil(end) - page_ceil(file_end), prot,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~u64{0}, 0),
                "mmap");
    }
    if (!at) return close_it(), std::unexpected(at.error());
    if (end > file_end) {  // the rest of the file's last page is zero
      const std::vector<u8> zeros(page_ceil(file_end) - file_end);
      process.write(bias + file_end, zeros.data(), zeros.size());
    }
  }
  close_it();
  return Image{.elf = std::move(*elf), .bias = bias};
}

u64 entry_of(const std::vector<u8>& auxv, u64 type) {
  for (std::size_t at = 0; at + 16 <= auxv.size(); at += 16) {
    u64 pair[2];
    std::memcpy(pair, auxv.data() + at, sizeof pair);
    if (pair[0] == type) return pair[1];
  }
  return 0;
}

/// argc, argv, an environment of one string and the auxiliary vector, as the kernel lays them out below `top`.
u64 write_stack(StoppedProcess& process, u64 top, const std::vector<std::string>& arguments,
                std::vector<std::pair<u64, u64>> auxv) {
  std::vector<u8> text(16);  // AT_RANDOM
  std::random_device random;
  std::ranges::generate(text, [&] { return static_cast<u8>(random()); });
  std::vector<u64> at;
  for (const auto& a : arguments) {
    at.push_back(text.size());
    text.insert(text.end(), a.c_str(), a.c_str() + a.size() + 1);
  }
  // The kernel would go on writing to what the engine's libc registers.
  constexpr std::string_view environment = "GLIBC_TUNABLES=glibc.pthread.rseq=0";
  const u64 environment_at = text.size();
  text.insert(text.end(), environment.begin(), environment.end());
  text.push_back(0);
  const u64 text_at = (top - text.size()) & ~u64{15};
  std::vector<u64> words{arguments.size()};
  for (const u64 offset : at) words.push_back(text_at + offset);
  words.insert(words.end(), {0, text_at + environment_at, 0});
  auxv.insert(auxv.end(), {{AT_RANDOM, text_at}, {AT_EXECFN, text_at + at.front()}, {AT_NULL, 0}});
  for (const auto& [type, value] : auxv) words.insert(words.end(), {type, value});
  const u64 sp = (text_at - words.size() * sizeof(u64)) & ~u64{15};
  const bool written =
      process.write(text_at, text.data(), text.size()) && process.write(sp, words.data(), words.size() * sizeof(u64));
  return written ? sp : 0;
}

}  // namespace

Result<EngineStart> prepare_engine(StoppedProcess& process, const std::string& engine,
                                   const std::vector<std::string>& arguments, const std::vector<u8>& auxv,
                                   u64 scratch) {
  const auto image = map_image(process, engine, scratch);
  if (!image) return std::unexpected(image.error());
  const auto linker = map_image(process, image->elf.interpreter, scratch);
  if (!linker) return std::unexpected(linker.error());
  const auto stack = made(process.call(SYS_mmap, 0, stack_size, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, ~u64{0}, 0),
                          "mmap");
  if (!stack) return std::unexpected(stack.error());
  // No AT_SYSINFO_EHDR: the functions of the vDSO are changed for the program, so our libc does without.
  std::vector<std::pair<u64, u64>> entries{{AT_PHDR, image->elf.headers_vaddr + image->bias},
                                           {AT_PHENT, sizeof(Elf64_Phdr)},
                                           {AT_PHNUM, image->elf.header_count},
                                           {AT_BASE, linker->bias},
                                           {AT_ENTRY, image->elf.entry + image->bias},
                                           {AT_SECURE, 0}};
  for (const u64 type : kept_entries) entries.emplace_back(type, entry_of(auxv, type));
  const u64 sp = write_stack(process, *stack + stack_size, arguments, std::move(entries));
  if (sp == 0) return fail("cannot write to the process's memory");
  return EngineStart{.pc = linker->elf.entry + linker->bias, .sp = sp};
}

}  // namespace fred
