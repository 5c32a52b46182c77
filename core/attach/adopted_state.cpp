#include "core/attach/adopted_state.h"

#include <fmt/format.h>

#include "core/memory/bytes.h"

namespace fred {

namespace {

constexpr u64 most_entries = u64{1} << 24;

void put_strings(ByteWriter& w, const std::vector<std::string>& strings) {
  w.put<u64>(strings.size());
  for (const auto& s : strings) w.put(s);
}

bool get_strings(ByteReader& r, std::vector<std::string>& strings) {
  const u64 count = r.get<u64>();
  if (count > most_entries) return false;
  for (u64 i = 0; i < count && r.ok(); ++i) r.get(strings.emplace_back());
  return r.ok();
}

}  // namespace

std::vector<u8> AdoptedState::serialise() const {
  ByteWriter w;
  w.put(version).put(smaps).put(brk).put(heap_begin).put(initial_sp).put(heap_guard).put(vdso).put(exe);
  w.put(std::span<const u8>(auxv));
  put_strings(w, args);
  put_strings(w, env);
  w.put(args_area).put(env_area).put<u64>(threads.size());
  for (const auto& t : threads) {
    w.put(t.tid).put(t.registers).put(std::span<const u8>(t.vector)).put(t.mask).put(t.alt_stack);
    w.put(t.robust_list).put(t.clear_tid).put(t.comm);
  }
  return w.take();
}

Result<AdoptedState> AdoptedState::deserialise(std::span<const u8> bytes) {
  ByteReader r(bytes);
  if (r.get<u32>() != version) return fail("the state of a program to take over is of another version");
  AdoptedState s;
  r.get(s.smaps).get(s.brk).get(s.heap_begin).get(s.initial_sp).get(s.heap_guard).get(s.vdso).get(s.exe).get(s.auxv);
  const bool whole = get_strings(r, s.args) && get_strings(r, s.env);
  r.get(s.args_area).get(s.env_area);
  const u64 threads = r.get<u64>();
  for (u64 i = 0; i < threads && r.ok(); ++i) {
    auto& t = s.threads.emplace_back();
    r.get(t.tid).get(t.registers).get(t.vector).get(t.mask).get(t.alt_stack);
    r.get(t.robust_list).get(t.clear_tid).get(t.comm);
  }
  if (!whole || !r.at_end() || s.threads.empty()) return fail("the state of a program to take over is damaged");
  return s;
}

}  // namespace fred
