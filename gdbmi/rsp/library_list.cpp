#include "gdbmi/rsp/library_list.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstring>

#include "gdbmi/rsp/xml.h"

namespace fred::remote {

namespace {

/// A list that is being changed, or is wrong, must not keep us for ever.
constexpr unsigned most_libraries = 10000;
constexpr u64 longest_name = 4096;  // PATH_MAX
constexpr u64 most_dynamic_entries = 4096;

template <class T>
Result<T> read(Target& target, u64 at) {
  const auto bytes = target.memory(GuestAddr{at}, sizeof(T));
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() != sizeof(T)) return fail(fmt::format("{:#x} is not readable", at));
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

std::string read_name(Target& target, u64 at) {
  const auto bytes = target.memory(GuestAddr{at}, longest_name);
  if (!bytes) return "";
  const auto end = std::find(bytes->begin(), bytes->end(), u8{0});
  return {bytes->begin(), end};
}

struct ProgramHeaders {
  u64 at = 0, count = 0;
};

Result<ProgramHeaders> program_headers(Target& target) {
  const auto auxv = target.auxv();
  if (!auxv) return std::unexpected(auxv.error());
  ProgramHeaders headers;
  for (std::size_t at = 0; at + sizeof(Elf64_auxv_t) <= auxv->size(); at += sizeof(Elf64_auxv_t)) {
    Elf64_auxv_t entry;
    std::memcpy(&entry, auxv->data() + at, sizeof entry);
    if (entry.a_type == AT_PHDR) headers.at = entry.a_un.a_val;
    if (entry.a_type == AT_PHNUM) headers.count = entry.a_un.a_val;
  }
  return headers;
}

/// A table of the program's, in one piece: each question costs a round trip.
template <class T>
Result<std::vector<T>> read_table(Target& target, u64 at, u64 count) {
  const auto bytes = target.memory(GuestAddr{at}, count * sizeof(T));
  if (!bytes) return std::unexpected(bytes.error());
  std::vector<T> table(bytes->size() / sizeof(T));
  std::memcpy(table.data(), bytes->data(), table.size() * sizeof(T));
  return table;
}

/// The program's r_debug; 0 if it has none yet.
Result<u64> rendezvous(Target& target) {
  const auto headers = program_headers(target);
  if (!headers) return std::unexpected(headers.error());
  const auto table = read_table<Elf64_Phdr>(target, headers->at, headers->count);
  if (!table) return std::unexpected(table.error());
  u64 bias = 0, dynamic = 0, entries = 0;
  for (const auto& header : *table) {
    if (header.p_type == PT_PHDR) bias = headers->at - header.p_vaddr;
    if (header.p_type == PT_DYNAMIC) {
      dynamic = header.p_vaddr;
      entries = std::min(header.p_memsz / sizeof(Elf64_Dyn), most_dynamic_entries);
    }
  }
  if (dynamic == 0) return u64{0};
  const auto section = read_table<Elf64_Dyn>(target, bias + dynamic, entries);
  if (!section) return std::unexpected(section.error());
  for (const auto& entry : *section) {
    if (entry.d_tag == DT_DEBUG) return entry.d_un.d_ptr;
    if (entry.d_tag == DT_NULL) break;
  }
  return u64{0};
}

}  // namespace

Result<LibraryList> library_list(Target& target) {
  LibraryList list;
  const auto debug_at = rendezvous(target);
  if (!debug_at) return std::unexpected(debug_at.error());
  if (*debug_at == 0) return list;
  list.rendezvous = *debug_at;
  const auto debug = read<r_debug>(target, *debug_at);
  if (!debug) return std::unexpected(debug.error());
  list.main_map = reinterpret_cast<u64>(debug->r_map);  // the program itself comes first
  u64 at = list.main_map;
  for (unsigned i = 0; at != 0 && i < most_libraries; ++i) {
    const auto map = read<link_map>(target, at);
    if (!map) return std::unexpected(map.error());
    auto name = i == 0 ? std::string() : read_name(target, reinterpret_cast<u64>(map->l_name));
    if (!name.empty()) list.libraries.push_back({std::move(name), at, map->l_addr, reinterpret_cast<u64>(map->l_ld)});
    at = reinterpret_cast<u64>(map->l_next);
  }
  return list;
}

std::string library_xml(const LibraryList& list, ListName name) {
  std::string xml = "<library-list-svr4 version=\"1.0\"";
  if (list.main_map != 0) xml += fmt::format(" main-lm=\"{:#x}\"", list.main_map);
  xml += ">";
  for (const auto& library : list.libraries) {
    xml += fmt::format("<library lmid=\"{:#x}\" name=\"{}\" lm=\"{:#x}\" l_addr=\"{:#x}\" l_ld=\"{:#x}\"/>",
                       name == ListName::none ? 0 : list.rendezvous, xml_attribute(library.name), library.map,
                       library.base, library.dynamic);
  }
  return xml + "</library-list-svr4>";
}

bool are_known(const LibraryList& list, const LibraryList& known) {
  return std::ranges::all_of(list.libraries, [&](const Library& library) {
    return std::ranges::find(known.libraries, library) != known.libraries.end();
  });
}

}  // namespace fred::remote
