#include "core/elf/elf_file.h"

#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/base/raw_syscall.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

std::unexpected<Error> refuse(const std::string& path, const char* why) {
  return std::unexpected(Error{ENOEXEC, path + ": " + why});
}

/// Exactly `size` bytes at `offset`, or false.
bool read_at(int fd, u64 offset, void* to, u64 size) {
  for (u64 done = 0; done < size;) {
    const i64 n =
        raw_syscall(SYS_pread64, static_cast<u64>(fd), reinterpret_cast<u64>(to) + done, size - done, offset + done);
    if (n == -EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<u64>(n);
  }
  return true;
}

int prot_of(u32 flags) {
  return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

Result<> check_header(const Elf64_Ehdr& h, const std::string& path) {
  if (std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0) return refuse(path, "not an ELF program");
  if (h.e_ident[EI_CLASS] == ELFCLASS32) return refuse(path, "a 32-bit program; only 64-bit x86 programs can run");
  if (h.e_ident[EI_CLASS] != ELFCLASS64) return refuse(path, "corrupt ELF header (neither 32- nor 64-bit)");
  if (h.e_ident[EI_DATA] != ELFDATA2LSB) return refuse(path, "a program for a big-endian processor");
  if (h.e_machine != EM_X86_64) return refuse(path, "a program for another processor, not x86-64");
  if (h.e_type != ET_EXEC && h.e_type != ET_DYN) return refuse(path, "an ELF file, but not a program");
  if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 || h.e_phnum > 65536 / sizeof(Elf64_Phdr))
    return refuse(path, "corrupt ELF header (program headers)");
  return {};
}

/// The interpreter's path from PT_INTERP, checked as the kernel does.
Result<std::string> interpreter_of(int fd, const Elf64_Phdr& p, const std::string& path) {
  if (p.p_filesz < 2 || p.p_filesz > 4096) return refuse(path, "corrupt ELF file (interpreter)");
  std::string text(p.p_filesz, '\0');
  if (!read_at(fd, p.p_offset, text.data(), text.size())) return refuse(path, "truncated ELF file (interpreter)");
  if (text.back() != '\0') return refuse(path, "corrupt ELF file (interpreter)");
  text.resize(std::strlen(text.c_str()));
  return text;
}

Result<ElfSegment> segment_of(const Elf64_Phdr& p, u64 file_size, const std::string& path) {
  const bool sane = p.p_memsz >= p.p_filesz && p.p_vaddr <= layout::task_size && p.p_memsz <= layout::task_size &&
                    p.p_vaddr + p.p_memsz <= layout::task_size && p.p_offset + p.p_filesz >= p.p_offset;
  if (!sane) return refuse(path, "corrupt ELF file (segment sizes)");
  if (p.p_filesz && p.p_vaddr % page_size != p.p_offset % page_size)
    return refuse(path, "corrupt ELF file (segment alignment)");
  if (p.p_offset + p.p_filesz > file_size) return refuse(path, "truncated ELF file");
  ElfSegment s{p.p_vaddr, p.p_filesz, p.p_memsz, FileOffset{p.p_offset}, page_size, prot_of(p.p_flags)};
  if (std::has_single_bit(p.p_align) && p.p_align > page_size) s.align = p.p_align;
  return s;
}

}  // namespace

u64 ElfFile::span() const {
  const ElfSegment& last = segments.back();
  return page_ceil(last.vaddr + last.memory_size) - first_page();
}

u64 ElfFile::largest_align() const {
  u64 largest = page_size;
  for (const auto& s : segments) largest = std::max(largest, s.align);
  return largest;
}

Result<ElfFile> read_elf(int fd, const std::string& path) {
  struct stat st {};
  if (const i64 r = raw_syscall(SYS_fstat, static_cast<u64>(fd), reinterpret_cast<u64>(&st)); r < 0)
    return fail_errno(static_cast<int>(-r), path);
  Elf64_Ehdr header{};
  const u64 file_size = static_cast<u64>(st.st_size);
  if (!read_at(fd, 0, &header, std::min<u64>(sizeof header, file_size))) return fail_errno(EIO, path);
  if (file_size < sizeof header && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0)
    return refuse(path, "truncated ELF file");
  if (const auto checked = check_header(header, path); !checked) return std::unexpected(checked.error());

  std::vector<Elf64_Phdr> headers(header.e_phnum);
  if (!read_at(fd, header.e_phoff, headers.data(), headers.size() * sizeof headers[0]))
    return refuse(path, "truncated ELF file (program headers)");
  ElfFile elf;
  elf.position_independent = header.e_type == ET_DYN;
  elf.entry = header.e_entry;
  elf.header_count = header.e_phnum;
  for (const Elf64_Phdr& p : headers) {
    if (p.p_type == PT_GNU_STACK) elf.exec_stack = p.p_flags & PF_X;
    if (p.p_type == PT_PHDR) elf.headers_vaddr = p.p_vaddr;
    if (p.p_type == PT_INTERP && elf.interpreter.empty()) {
      auto name = interpreter_of(fd, p, path);
      if (!name) return std::unexpected(name.error());
      elf.interpreter = std::move(*name);
    }
    if (p.p_type != PT_LOAD || p.p_memsz == 0) continue;
    auto segment = segment_of(p, file_size, path);
    if (!segment) return std::unexpected(segment.error());
    if (!elf.segments.empty() && segment->vaddr < elf.segments.back().vaddr)
      return refuse(path, "corrupt ELF file (segments out of order)");
    if (elf.headers_vaddr == 0 && p.p_offset <= header.e_phoff && header.e_phoff < p.p_offset + p.p_filesz)
      elf.headers_vaddr = header.e_phoff - p.p_offset + p.p_vaddr;
    elf.segments.push_back(*segment);
  }
  if (elf.segments.empty()) return refuse(path, "corrupt ELF file (nothing to load)");
  return elf;
}

}  // namespace fred
