#include "core/dispatch/guest_state.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/dispatch/guest_engine.h"
#include "core/memory/bytes.h"
#include "core/memory/memory_image.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

constexpr u64 most_strings = u64{1} << 24;

void put_strings(ByteWriter& w, const std::vector<std::string>& strings) {
  w.put<u64>(strings.size());
  for (const auto& s : strings) w.put(s);
}

bool get_strings(ByteReader& r, std::vector<std::string>& strings) {
  const u64 count = r.get<u64>();
  if (count > most_strings) return false;
  strings.clear();
  for (u64 i = 0; i < count && r.ok(); ++i) r.get(strings.emplace_back());
  return r.ok();
}

}  // namespace

std::vector<u8> GuestState::serialise() const {
  ByteWriter w;
  w.put(version).put(ticks).put(log_offset).put(events).put(cpu_level).put(after_call).put(rest);
  w.put(registers).put(vector_mask).put(std::span<const u8>(vector)).put(signals);
  w.put(process.thread).put(process.exe);
  put_strings(w, process.args);
  put_strings(w, process.env);
  w.put(process.comm)
      .put(std::span<const u8>(process.auxv))
      .put(process.args_area)
      .put(process.env_area)
      .put(process.robust_list);
  w.put<u64>(cache_windows.size());
  for (const auto& range : cache_windows) w.put(range);
  w.put(std::span<const u8>(memory));
  return w.take();
}

Result<GuestState> GuestState::deserialise(std::span<const u8> bytes) {
  ByteReader r(bytes);
  if (const u32 found = r.get<u32>(); !r.ok() || found != version) {
    return fail(fmt::format("a guest state of version {}, not {}", found, version));
  }
  GuestState s;
  r.get(s.ticks).get(s.log_offset).get(s.events).get(s.cpu_level).get(s.after_call).get(s.rest);
  r.get(s.registers).get(s.vector_mask).get(s.vector).get(s.signals);
  r.get(s.process.thread).get(s.process.exe);
  bool whole = get_strings(r, s.process.args) && get_strings(r, s.process.env);
  r.get(s.process.comm).get(s.process.auxv).get(s.process.args_area).get(s.process.env_area).get(s.process.robust_list);
  const u64 windows = r.get<u64>();
  for (u64 i = 0; i < windows && r.ok(); ++i) s.cache_windows.push_back(r.get<GuestRange>());
  r.get(s.memory);
  if (!whole || !r.at_end()) return fail("a guest state is damaged");
  return s;
}

Result<> save_guest(GuestEngine& engine, const std::string& path) {
  if (!engine.threads().alone()) return fail_errno(EBUSY, "the state of several threads cannot be saved yet");
  if (engine.stand_.raised || !engine.is_safe_point())
    return fail_errno(EBUSY, "the guest's state cannot be saved here");
  auto& cpu = engine.cpu();
  GuestState s;
  s.ticks = cpu.ticks();
  s.log_offset = engine.events().next_offset();
  s.events = engine.events().events();
  s.cpu_level = static_cast<u8>(engine.options().cpu);
  s.after_call = engine.stand_.after_call;
  s.rest = engine.stand_.rest;
  s.registers = cpu.registers();
  s.vector_mask = cpu.vector_mask();
  s.vector.assign(cpu.vector_area(), cpu.vector_area() + cpu.vector_size());
  canonicalise_vector_area(s.vector.data(), s.vector_mask);
  s.signals = engine.signals().state();
  s.process = engine.process();
  for (const auto& window : cpu.cache().windows()) s.cache_windows.push_back(window.range);
  s.memory = engine.memory().serialise();
  const auto bytes = s.serialise();
  std::ofstream out(path + ".state", std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return fail_errno(EIO, "cannot write " + path + ".state");
  return save_image(engine.memory(), path + ".memory");
}

Result<> load_guest(GuestEngine& engine, const std::string& recording_dir, const std::string& path) {
  std::ifstream in(path + ".state", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  auto state = GuestState::deserialise({reinterpret_cast<const u8*>(bytes.data()), bytes.size()});
  if (!state) return std::unexpected(state.error());
  auto& cpu = engine.cpu();
  if (state->vector_mask != cpu.vector_mask() || state->vector.size() != cpu.vector_size() ||
      state->cpu_level != static_cast<u8>(engine.options().cpu)) {
    return fail("the guest's state is of another processor");
  }
  engine.recording_dir_ = recording_dir;
  engine.set_replay_start({.offset = state->log_offset, .events = state->events});
  if (auto started = engine.start_replaying(); !started) return started;
  for (const auto& range : state->cache_windows) {
    if (auto adopted = cpu.cache().adopt(range); !adopted) return adopted;
  }
  if (auto restored = engine.memory().restore(state->memory); !restored) return restored;
  if (const i64 detached = engine.memory().detach_shared(); detached < 0) {
    return fail_errno(static_cast<int>(-detached), "shared memory");
  }
  if (auto filled = load_image(path + ".memory"); !filled) return filled;
  engine.process() = std::move(state->process);
  engine.signals().state() = state->signals;
  cpu.set_vector_state(state->vector);
  cpu.take_registers(state->registers);
  cpu.set_ticks(state->ticks);
  engine.stand_.after_call = state->after_call;
  engine.stand_.rest = state->rest;
  return {};
}

}  // namespace fred
