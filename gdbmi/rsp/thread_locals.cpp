#include "gdbmi/rsp/thread_locals.h"

#include <algorithm>
#include <cstring>

#include "gdbmi/rsp/hex.h"

namespace fred::remote {

namespace {

constexpr const char* module_of_map = "_thread_db_link_map_l_tls_modid";
constexpr const char* offset_of_map = "_thread_db_link_map_l_tls_offset";
constexpr const char* vector_of_thread = "_thread_db_pthread_dtvp";
constexpr const char* entry_of_vector = "_thread_db_dtv_dtv";
constexpr const char* pointer_of_entry = "_thread_db_dtv_t_pointer_val";
constexpr const char* wanted[] = {module_of_map, offset_of_map, vector_of_thread, entry_of_vector, pointer_of_entry};

// glibc, elf/dl-tls.h and sysdeps/x86_64/nptl/tls.h: what l_tls_offset and an entry are without memory.
constexpr u64 no_offset = 0, forced_dynamic = ~u64{0}, unallocated = ~u64{0};

template <class T>
Result<T> value_at(Target& target, GuestAddr at) {
  const auto bytes = target.memory(at, sizeof(T));
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() != sizeof(T)) return fail("the thread-local storage cannot be read here");
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

}  // namespace

std::string ThreadLocals::symbol(const Symbol& packet) {
  const auto ask = [](const char* name) { return "qSymbol:" + to_hex(std::string_view(name)); };
  if (packet.value) known_[packet.name] = *packet.value;
  // After an answer the next name, whether that one was known or not; each time gdb has new symbols all over again.
  auto next = std::ranges::begin(wanted);
  if (!packet.name.empty()) {
    next = std::ranges::find(wanted, packet.name);
    if (next != std::ranges::end(wanted)) ++next;
  }
  next = std::find_if(next, std::ranges::end(wanted), [&](const char* name) { return !known_.contains(name); });
  return next != std::ranges::end(wanted) ? ask(*next) : "OK";
}

Result<ThreadLocals::Field> ThreadLocals::field(Target& target, const std::string& name) const {
  const auto known = known_.find(name);
  if (known == known_.end()) return fail("the program's libc does not describe its thread-local storage");
  struct {
    u32 bits, elements, offset;  // DB_STRUCT_FIELD of glibc's nptl_db/db_info.c
  } description;
  const auto bytes = target.memory(known->second, sizeof description);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() != sizeof description) return fail("libc is not loaded here");
  std::memcpy(&description, bytes->data(), sizeof description);
  return Field{.bytes = description.bits / 8, .offset = description.offset};
}

Result<GuestAddr> ThreadLocals::address(Target& target, u64 fs_base, GuestAddr link_map, u64 offset) const {
  if (fs_base == 0) return fail("the thread has no thread-local storage yet");
  u64 module = 1;  // a static program's own
  if (link_map.value != 0) {
    const auto at = field(target, offset_of_map);
    if (!at) return std::unexpected(at.error());
    const auto static_offset = value_at<u64>(target, link_map + at->offset);
    if (!static_offset) return std::unexpected(static_offset.error());
    if (*static_offset != no_offset && *static_offset != forced_dynamic) {
      return GuestAddr{fs_base - *static_offset + offset};
    }
    const auto module_at = field(target, module_of_map);
    if (!module_at) return std::unexpected(module_at.error());
    const auto id = value_at<u64>(target, link_map + module_at->offset);
    if (!id) return std::unexpected(id.error());
    module = *id;
  }
  const auto vector_at = field(target, vector_of_thread);
  const auto entry = field(target, entry_of_vector);
  const auto pointer = field(target, pointer_of_entry);
  if (!vector_at || !entry || !pointer) return fail("the program's libc does not describe its thread-local storage");
  const auto vector = value_at<u64>(target, GuestAddr{fs_base + vector_at->offset});
  if (!vector) return std::unexpected(vector.error());
  const auto block = value_at<u64>(target, GuestAddr{*vector + entry->bytes * module + pointer->offset});
  if (!block) return std::unexpected(block.error());
  if (*block == unallocated || *block == 0) return fail("this thread has not used these variables yet");
  return GuestAddr{*block + offset};
}

}  // namespace fred::remote
