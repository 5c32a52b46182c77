#include "core/elf/loader.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/log.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

/// One image while it is being mapped. `bias` is what its addresses are moved by.
struct Image {
  GuestMemory& memory;
  const LoadImage& what;
  std::shared_ptr<const MappedFile> file;
  int fd;
  u64 bias = 0;
  GuestAddr address(u64 vaddr) const { return GuestAddr{vaddr + bias}; }
};

std::unexpected<Error> cannot_map(const Image& image, i64 error) {
  if (error == -EEXIST)
    return std::unexpected(Error{ENOMEM, image.file->path + ": linked to addresses that the engine itself uses"});
  return fail_errno(static_cast<int>(-error), image.file->path + ": cannot be mapped");
}

Result<> map_file_part(const Image& image, const ElfSegment& s) {
  const u64 in_page = s.vaddr % page_size;
  MapRequest request{.addr = image.address(page_floor(s.vaddr)),
                     .size = page_ceil(s.file_size + in_page),
                     .prot = s.prot,
                     .flags = MAP_PRIVATE | MAP_FIXED,
                     .offset = static_cast<u64>(s.offset) - in_page,
                     .file = image.file,
                     .fd = image.fd};
  if (const i64 r = image.memory.map(request); r < 0) return cannot_map(image, r);
  // The rest of the last page belongs to the zeroed part.
  const GuestAddr end = image.address(s.vaddr + s.file_size);
  if (s.memory_size > s.file_size && s.prot & PROT_WRITE && end.value % page_size)
    std::memset(end.ptr(), 0, page_size - end.value % page_size);
  return {};
}

Result<> map_zero_part(const Image& image, const ElfSegment& s) {
  const u64 begin = s.file_size ? page_ceil(s.vaddr + s.file_size) : page_floor(s.vaddr);
  const u64 end = page_ceil(s.vaddr + s.memory_size);
  if (begin >= end) return {};
  const MapRequest request{.addr = image.address(begin),
                           .size = end - begin,
                           .prot = PROT_READ | PROT_WRITE | (s.prot & PROT_EXEC),
                           .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
  if (const i64 r = image.memory.map(request); r < 0) return cannot_map(image, r);
  return {};
}

Result<> map_segments(const Image& image) {
  for (const ElfSegment& s : image.what.elf.segments) {
    if (s.file_size)
      if (auto done = map_file_part(image, s); !done) return done;
    if (s.memory_size > s.file_size)
      if (auto done = map_zero_part(image, s); !done) return done;
  }
  return {};
}

/// The real file behind an image: the one at hand in live, else the one that the plan names.
Result<UniqueFd> open_image(Engine& engine, const LoadImage& image, const UniqueFd& at_hand) {
  if (at_hand && image.file.source != Source::stand_in)
    return UniqueFd{raw_syscall(SYS_dup, static_cast<u64>(at_hand.get()))};
  return engine.memory().sources().open(image.file);
}

/// Chooses where an image goes: `wanted` if given, else where the mmap area has room.
Result<> place_image(Image& image, std::optional<GuestAddr> wanted) {
  const ElfFile& elf = image.what.elf;
  const u64 align = elf.largest_align();
  MapRequest request{.size = elf.span(), .flags = MAP_PRIVATE};
  if (!elf.position_independent) {
    request.addr = GuestAddr{elf.first_page()};
  } else if (wanted) {
    request.addr = GuestAddr{wanted->value & ~(align - 1)};
  } else {
    request.size += align - page_size;
    const auto place = image.memory.place(request);
    if (!place) return cannot_map(image, place.error());
    image.bias = ((place->begin.value + align - 1) & ~(align - 1)) - elf.first_page();
    return {};
  }
  request.flags |= MAP_FIXED_NOREPLACE;
  const auto place = image.memory.place(request);
  if (!place) return cannot_map(image, place.error());
  image.bias = place->begin.value - elf.first_page();
  return {};
}

Result<GuestAddr> map_vdso(GuestMemory& memory, std::span<const u8> bytes) {
  const MapRequest request{
      .size = bytes.size(), .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS, .name = "[vdso]"};
  const i64 at = memory.map(request);
  if (at < 0) return fail_errno(static_cast<int>(-at), "mapping the vDSO");
  const GuestAddr vdso{static_cast<u64>(at)};
  std::memcpy(vdso.ptr(), bytes.data(), bytes.size());
  if (const i64 r = memory.protect(vdso, bytes.size(), PROT_READ | PROT_EXEC); r < 0)
    return fail_errno(static_cast<int>(-r), "mapping the vDSO");
  return vdso;
}

}  // namespace

Result<LoadedProgram> apply_load_plan(Engine& engine, const OpenPlan& open, std::span<const u8> vdso) {
  const LoadPlan& plan = open.plan;
  GuestMemory& memory = engine.memory();
  const auto load = [&](const LoadImage& what, const UniqueFd& at_hand,
                        std::optional<GuestAddr> wanted) -> Result<u64> {
    auto fd = open_image(engine, what, at_hand);
    if (!fd) return std::unexpected(fd.error());
    Image image{memory, what, std::make_shared<MappedFile>(what.file), fd->get()};
    if (auto done = place_image(image, wanted); !done) return std::unexpected(done.error());
    if (auto done = map_segments(image); !done) return std::unexpected(done.error());
    LOG_INFO(elf, "{} at {:#x}", what.file.path, what.elf.first_page() + image.bias);
    return image.bias;
  };

  LoadedProgram loaded;
  const ElfFile& elf = plan.executable.elf;
  const auto bias = load(plan.executable, open.executable, layout::pie_base);
  if (!bias) return std::unexpected(bias.error());
  loaded.entry = loaded.start = GuestAddr{elf.entry + *bias};
  loaded.headers = GuestAddr{elf.headers_vaddr ? elf.headers_vaddr + *bias : 0};
  loaded.header_count = elf.header_count;
  memory.start_heap(GuestAddr{elf.first_page() + elf.span() + *bias});

  if (plan.interpreter) {
    const auto its_bias = load(*plan.interpreter, open.interpreter, std::nullopt);
    if (!its_bias) return std::unexpected(its_bias.error());
    loaded.start = GuestAddr{plan.interpreter->elf.entry + *its_bias};
    loaded.interpreter_base = GuestAddr{*its_bias};
  }
  if (!vdso.empty()) {
    const auto at = map_vdso(memory, vdso);
    if (!at) return std::unexpected(at.error());
    loaded.vdso = *at;
  }
  return loaded;
}

}  // namespace fred
