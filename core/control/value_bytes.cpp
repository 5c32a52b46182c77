#include "core/control/value_bytes.h"

#include "core/memory/bytes.h"

namespace fred {

namespace {

void put(ByteWriter& w, const Time& t) { w.put(t.ticks).put(t.pc).put(t.rest).put(t.phase); }
void get(ByteReader& r, Time& t) { r.get(t.ticks).get(t.pc).get(t.rest).get(t.phase); }

template <class T>
void put_list(ByteWriter& w, const std::vector<T>& list) {
  w.put<u64>(list.size());
  for (const auto& v : list) w.put(v);
}
template <class T>
void get_list(ByteReader& r, std::vector<T>& list) {
  for (u64 n = r.get<u64>(); n > 0 && r.ok(); --n) list.push_back(r.get<T>());
}

template <class T>
void put_optional(ByteWriter& w, const std::optional<T>& v) {
  w.put(v.has_value()).put(v.value_or(T{}));
}
template <class T>
void get_optional(ByteReader& r, std::optional<T>& v) {
  const bool has = r.get<bool>();
  const T value = r.get<T>();
  if (has) v = value;
}

void put(ByteWriter& w, const BreakCondition& c) { put_optional(w.put(c.pc), c.stack_pointer); }
void put(ByteWriter& w, const WatchCondition& c) { w.put(c.range).put(c.access); }
void put(ByteWriter& w, const RegisterCondition& c) { w.put(c.gpr); }
void put(ByteWriter& w, const SyscallCondition& c) { put_list(w, c.numbers); }
void put(ByteWriter& w, const SignalCondition& c) { put_list(w, c.numbers); }
void put(ByteWriter& w, const ProcessCondition& c) { w.put(c.event); }
void put(ByteWriter&, const TurnCondition&) {}
void get(ByteReader& r, BreakCondition& c) { get_optional(r.get(c.pc), c.stack_pointer); }
void get(ByteReader& r, WatchCondition& c) { r.get(c.range).get(c.access); }
void get(ByteReader& r, RegisterCondition& c) { r.get(c.gpr); }
void get(ByteReader& r, SyscallCondition& c) { get_list(r, c.numbers); }
void get(ByteReader& r, SignalCondition& c) { get_list(r, c.numbers); }
void get(ByteReader& r, ProcessCondition& c) { r.get(c.event); }
void get(ByteReader&, TurnCondition&) {}

void put(ByteWriter& w, const Condition& c) {
  w.put(c.id).put(static_cast<u8>(c.what.index()));
  put_optional(w, c.thread);
  std::visit([&](const auto& what) { put(w, what); }, c.what);
}
template <class What>
void get_what(ByteReader& r, Condition& c) {
  What what{};
  get(r, what);
  c.what = std::move(what);
}
void get(ByteReader& r, Condition& c) {
  const u8 index = r.get(c.id).get<u8>();
  get_optional(r, c.thread);
  switch (index) {
    case 0:
      return get_what<BreakCondition>(r, c);
    case 1:
      return get_what<WatchCondition>(r, c);
    case 2:
      return get_what<RegisterCondition>(r, c);
    case 3:
      return get_what<SyscallCondition>(r, c);
    case 4:
      return get_what<SignalCondition>(r, c);
    case 5:
      return get_what<ProcessCondition>(r, c);
    default:
      return get_what<TurnCondition>(r, c);
  }
}

void put(ByteWriter& w, const Hit& h) {
  w.put(h.id).put(h.thread).put(h.number).put(h.returned).put(h.end);
  put(w, h.at);
  put(w, h.after);
  w.put(std::span<const u8>(h.before)).put(std::span<const u8>(h.now));
}
void get(ByteReader& r, Hit& h) {
  r.get(h.id).get(h.thread).get(h.number).get(h.returned).get(h.end);
  get(r, h.at);
  get(r, h.after);
  r.get(h.before).get(h.now);
}

void put(ByteWriter& w, const Note& n) {
  w.put(n.id).put(n.count).put(n.last.has_value());
  if (n.last) put(w, *n.last);
}
void get(ByteReader& r, Note& n) {
  r.get(n.id).get(n.count);
  if (r.get<bool>()) get(r, n.last.emplace());
}

void put(ByteWriter& w, const TracePoint& p) {
  put(w, p.time);
  w.put(p.stack_pointer).put(p.thread);
}
void get(ByteReader& r, TracePoint& p) {
  get(r, p.time);
  r.get(p.stack_pointer).get(p.thread);
}

void put(ByteWriter& w, const ThreadFact& t) { w.put(t.id).put(t.runs).put(t.name).put(t.state); }
void get(ByteReader& r, ThreadFact& t) {
  r.get(t.id).get(t.runs);
  r.get(t.name);
  r.get(t.state);
}

template <class T>
std::vector<u8> all_to_bytes(const std::vector<T>& all) {
  ByteWriter w;
  w.put<u64>(all.size());
  for (const auto& v : all) put(w, v);
  return w.take();
}
template <class T>
Result<std::vector<T>> all_from(std::span<const u8> bytes) {
  ByteReader r(bytes);
  std::vector<T> all;
  for (u64 n = r.get<u64>(); n > 0 && r.ok(); --n) get(r, all.emplace_back());
  if (!r.at_end()) return fail("a damaged message");
  return all;
}

}  // namespace

std::vector<u8> to_bytes(const std::vector<Condition>& conditions) { return all_to_bytes(conditions); }
std::vector<u8> to_bytes(const std::vector<Hit>& hits) { return all_to_bytes(hits); }
std::vector<u8> to_bytes(const std::vector<Note>& notes) { return all_to_bytes(notes); }
std::vector<u8> to_bytes(const std::vector<TracePoint>& points) { return all_to_bytes(points); }
std::vector<u8> to_bytes(const std::vector<ThreadFact>& threads) { return all_to_bytes(threads); }

Result<std::vector<Condition>> conditions_from(std::span<const u8> bytes) { return all_from<Condition>(bytes); }
Result<std::vector<Hit>> hits_from(std::span<const u8> bytes) { return all_from<Hit>(bytes); }
Result<std::vector<Note>> notes_from(std::span<const u8> bytes) { return all_from<Note>(bytes); }
Result<std::vector<TracePoint>> trace_points_from(std::span<const u8> bytes) { return all_from<TracePoint>(bytes); }
Result<std::vector<ThreadFact>> threads_from(std::span<const u8> bytes) { return all_from<ThreadFact>(bytes); }

}  // namespace fred
