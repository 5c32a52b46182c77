#include "gdbmi/rsp/packets.h"

#include "gdbmi/rsp/hex.h"

namespace fred::remote {

namespace {

/// The value, if the reader has read all of it.
template <class T>
std::optional<T> whole(const Reader& reader, T value) {
  if (!reader.done()) return std::nullopt;
  return value;
}

GuestAddr address(Reader& r) { return GuestAddr{r.number()}; }

std::vector<u8> hex_bytes(Reader& r) {
  auto bytes = from_hex(r.rest());
  if (!bytes) r.fail();
  return bytes ? std::move(*bytes) : std::vector<u8>{};
}

std::vector<u8> binary_rest(Reader& r) {
  const auto rest = r.rest();
  return {rest.begin(), rest.end()};
}

i64 process_or_thread(Reader& r) {
  if (r.take("-1")) return ThreadSpec::all;
  return static_cast<i64>(r.number());
}

ThreadSpec thread_spec(Reader& r) {
  if (!r.take("p")) {
    const i64 thread = process_or_thread(r);
    return {.process = ThreadSpec::any, .thread = thread};
  }
  ThreadSpec t{.process = process_or_thread(r), .thread = ThreadSpec::all};
  if (r.take(".")) t.thread = process_or_thread(r);
  return t;
}

/// `0` or `1`, and nothing else.
template <class T>
std::optional<T> switched(std::string_view text) {
  if (text == "0") return T{false};
  if (text == "1") return T{true};
  return std::nullopt;
}

template <class T>
std::optional<T> memory_range(std::string_view text) {
  Reader r(text);
  T m;
  m.at = address(r);
  r.expect(',');
  m.size = r.number();
  return whole(r, m);
}

template <class T>
std::optional<T> memory_write(std::string_view text, std::vector<u8> (*content)(Reader&)) {
  Reader r(text);
  T m;
  m.at = address(r);
  r.expect(',');
  const u64 size = r.number();
  r.expect(':');
  m.bytes = content(r);
  if (m.bytes.size() != size) return std::nullopt;
  return whole(r, std::move(m));
}

std::optional<GuestAddr> optional_address(Reader& r) {
  if (r.at_end()) return std::nullopt;
  return address(r);
}

template <class T>
std::optional<T> resumed_at(std::string_view text) {
  Reader r(text);
  return whole(r, T{.at = optional_address(r)});
}

u8 signal_number(Reader& r) {
  const u64 n = r.number();
  if (n > 0xff) r.fail();
  return static_cast<u8>(n);
}

template <class T>
std::optional<T> resumed_with_signal(std::string_view text) {
  Reader r(text);
  T t{.signal = signal_number(r), .at = {}};
  if (r.take(";")) t.at = address(r);
  return whole(r, t);
}

template <class T>
std::optional<T> point_packet(std::string_view text) {
  Reader r(text);
  const u64 kind = r.number();
  if (kind > static_cast<u64>(PointKind::access_watch)) r.fail();
  T p;
  p.point.kind = static_cast<PointKind>(kind);
  r.expect(',');
  p.point.at = address(r);
  r.expect(',');
  p.point.size = r.number();
  return whole(r, p);  // conditions and commands are not offered to gdb
}

ResumeAction action(Reader& r) {
  ResumeAction a;
  using Kind = ResumeAction::Kind;
  if (r.take("c")) {
    a.kind = Kind::go;
  } else if (r.take("C")) {
    a.kind = Kind::go;
    a.signal = signal_number(r);
  } else if (r.take("s")) {
    a.kind = Kind::step;
  } else if (r.take("S")) {
    a.kind = Kind::step;
    a.signal = signal_number(r);
  } else if (r.take("t")) {
    a.kind = Kind::stop;
  } else if (r.take("r")) {
    a.kind = Kind::step_range;
    a.range.begin = address(r);
    r.expect(',');
    a.range.end = address(r);
  } else {
    r.fail();
  }
  if (r.take(":")) a.thread = thread_spec(r);
  return a;
}

/// Items between semicolons.
template <class Item>
auto list(Reader& r, Item item) {
  std::vector<decltype(item(r))> all;
  while (!r.at_end() && !r.failed()) {
    all.push_back(item(r));
    if (!r.at_end()) r.expect(';');
  }
  return all;
}

template <class T>
std::optional<T> one_number(std::string_view text) {
  Reader r(text);
  return whole(r, T{r.number()});
}

template <class T>
std::optional<T> one_hex_text(std::string_view text) {
  auto decoded = text_from_hex(text);
  if (!decoded) return std::nullopt;
  return T{std::move(*decoded)};
}

template <class T>
std::optional<T> one_thread(std::string_view text) {
  Reader r(text);
  return whole(r, T{thread_spec(r)});
}

template <class T>
std::optional<T> signal_list(std::string_view text) {
  Reader r(text);
  auto signals = list(r, signal_number);
  return whole(r, T{std::move(signals)});
}

}  // namespace

std::optional<WriteRegisters> WriteRegisters::parse(std::string_view text) {
  Reader r(text);
  auto bytes = hex_bytes(r);
  return whole(r, WriteRegisters{std::move(bytes)});
}
std::optional<ReadRegister> ReadRegister::parse(std::string_view text) { return one_number<ReadRegister>(text); }
std::optional<WriteRegister> WriteRegister::parse(std::string_view text) {
  Reader r(text);
  WriteRegister w{.number = r.number(), .bytes = {}};
  r.expect('=');
  w.bytes = hex_bytes(r);
  return whole(r, std::move(w));
}
std::optional<ReadMemory> ReadMemory::parse(std::string_view text) { return memory_range<ReadMemory>(text); }
std::optional<ReadMemoryBinary> ReadMemoryBinary::parse(std::string_view text) {
  return memory_range<ReadMemoryBinary>(text);
}
std::optional<WriteMemory> WriteMemory::parse(std::string_view text) {
  return memory_write<WriteMemory>(text, hex_bytes);
}
std::optional<WriteMemoryBinary> WriteMemoryBinary::parse(std::string_view text) {
  return memory_write<WriteMemoryBinary>(text, binary_rest);
}
std::optional<SelectThread> SelectThread::parse(std::string_view text) {
  Reader r(text);
  SelectThread s{.purpose = r.next(), .thread = {}};
  if (s.purpose != 'c' && s.purpose != 'g') return std::nullopt;
  r.expect(s.purpose);
  s.thread = thread_spec(r);
  return whole(r, s);
}
std::optional<ThreadAlive> ThreadAlive::parse(std::string_view text) { return one_thread<ThreadAlive>(text); }
std::optional<Detach> Detach::parse(std::string_view text) {
  return text.empty() ? Detach{} : one_number<Detach>(text);
}
std::optional<Restart> Restart::parse(std::string_view) { return Restart{}; }
std::optional<StepAt> StepAt::parse(std::string_view text) { return resumed_at<StepAt>(text); }
std::optional<StepWithSignal> StepWithSignal::parse(std::string_view text) {
  return resumed_with_signal<StepWithSignal>(text);
}
std::optional<ContinueAt> ContinueAt::parse(std::string_view text) { return resumed_at<ContinueAt>(text); }
std::optional<ContinueWithSignal> ContinueWithSignal::parse(std::string_view text) {
  return resumed_with_signal<ContinueWithSignal>(text);
}
std::optional<InsertPoint> InsertPoint::parse(std::string_view text) { return point_packet<InsertPoint>(text); }
std::optional<RemovePoint> RemovePoint::parse(std::string_view text) { return point_packet<RemovePoint>(text); }
std::optional<Resume> Resume::parse(std::string_view text) {
  Reader r(text);
  auto actions = list(r, action);
  if (actions.empty()) return std::nullopt;
  return whole(r, Resume{std::move(actions)});
}
std::optional<Run> Run::parse(std::string_view text) {
  Reader r(text);
  Run run{.program = r.hex_text(';'), .args = {}};
  while (r.take(";")) run.args.push_back(r.hex_text(';'));
  return whole(r, std::move(run));
}
std::optional<KillProcess> KillProcess::parse(std::string_view text) { return one_number<KillProcess>(text); }
std::optional<FileSystem> FileSystem::parse(std::string_view text) { return one_number<FileSystem>(text); }
std::optional<FileOpen> FileOpen::parse(std::string_view text) {
  Reader r(text);
  FileOpen f{.path = r.hex_text(',')};
  r.expect(',');
  f.flags = r.number();
  r.expect(',');
  f.mode = r.number();
  return whole(r, std::move(f));
}
std::optional<FileClose> FileClose::parse(std::string_view text) { return one_number<FileClose>(text); }
std::optional<FileRead> FileRead::parse(std::string_view text) {
  Reader r(text);
  FileRead f{.file = r.number()};
  r.expect(',');
  f.size = r.number();
  r.expect(',');
  f.offset = r.number();
  return whole(r, f);
}
std::optional<FileStatus> FileStatus::parse(std::string_view text) { return one_number<FileStatus>(text); }
std::optional<FileReadLink> FileReadLink::parse(std::string_view text) { return one_hex_text<FileReadLink>(text); }
std::optional<Supported> Supported::parse(std::string_view text) {
  Reader r(text);
  if (!r.at_end()) r.expect(':');
  auto features = list(r, [](Reader& item) { return std::string(item.until(';')); });
  return whole(r, Supported{std::move(features)});
}
std::optional<NonStop> NonStop::parse(std::string_view text) { return switched<NonStop>(text); }
std::optional<PassSignals> PassSignals::parse(std::string_view text) { return signal_list<PassSignals>(text); }
std::optional<ProgramSignals> ProgramSignals::parse(std::string_view text) { return signal_list<ProgramSignals>(text); }
std::optional<CatchSyscalls> CatchSyscalls::parse(std::string_view text) {
  if (text == "0") return CatchSyscalls{};
  Reader r(text);
  r.expect('1');
  CatchSyscalls c{.on = true, .numbers = {}};
  if (!r.at_end()) {
    r.expect(';');
    c.numbers = list(r, [](Reader& item) { return static_cast<u32>(item.number()); });
  }
  return whole(r, std::move(c));
}
std::optional<StartWithShell> StartWithShell::parse(std::string_view text) { return switched<StartWithShell>(text); }
std::optional<DisableRandomization> DisableRandomization::parse(std::string_view text) {
  return switched<DisableRandomization>(text);
}
std::optional<SetVariable> SetVariable::parse(std::string_view text) {
  auto v = one_hex_text<SetVariable>(text);
  if (v && !v->assignment.contains('=')) return std::nullopt;
  return v;
}
std::optional<UnsetVariable> UnsetVariable::parse(std::string_view text) { return one_hex_text<UnsetVariable>(text); }
std::optional<SetWorkingDirectory> SetWorkingDirectory::parse(std::string_view text) {
  return one_hex_text<SetWorkingDirectory>(text);
}
std::optional<Attach> Attach::parse(std::string_view text) { return one_number<Attach>(text); }
std::optional<Attached> Attached::parse(std::string_view) { return Attached{}; }
std::optional<ThreadName> ThreadName::parse(std::string_view text) { return one_thread<ThreadName>(text); }
std::optional<Transfer> Transfer::parse(std::string_view text) {
  Reader r(text);
  Transfer t{.object = std::string(r.until(':')), .annex = {}};
  const bool writes = r.take(":write:");
  if (!writes && !r.take(":read:")) return std::nullopt;
  t.annex = r.until(':');
  r.expect(':');
  t.offset = r.number();
  if (writes) {
    r.expect(':');
    t.written = binary_rest(r);
    return whole(r, std::move(t));
  }
  r.expect(',');
  t.size = r.number();
  return whole(r, std::move(t));
}
std::optional<Monitor> Monitor::parse(std::string_view text) { return one_hex_text<Monitor>(text); }
std::optional<Symbol> Symbol::parse(std::string_view text) {
  Reader r(text);
  Symbol s;
  if (r.next() != ':') s.value = address(r);
  r.expect(':');
  s.name = r.hex_text('\0');
  return whole(r, std::move(s));
}
std::optional<ThreadLocal> ThreadLocal::parse(std::string_view text) {
  Reader r(text);
  ThreadLocal t{.thread = thread_spec(r), .offset = 0, .link_map = {}};
  r.expect(',');
  t.offset = r.number();
  r.expect(',');
  t.link_map = address(r);
  return whole(r, t);
}
std::optional<SearchMemory> SearchMemory::parse(std::string_view text) {
  Reader r(text);
  SearchMemory s{.at = address(r), .size = 0, .pattern = {}};
  r.expect(';');
  s.size = r.number();
  r.expect(';');
  s.pattern = binary_rest(r);
  if (s.pattern.empty()) return std::nullopt;
  return whole(r, std::move(s));
}

Packet parse_packet(std::string_view data) {
#define WORD(word, Type) \
  if (data == word) return Type{};
#define PACKET(beginning, Type)                                                 \
  if (data.starts_with(beginning)) {                                            \
    auto packet = Type::parse(data.substr(std::string_view(beginning).size())); \
    return packet ? Packet{std::move(*packet)} : Packet{Malformed{}};           \
  }
#include "gdbmi/rsp/packets.def"
#undef WORD
#undef PACKET
  return Unknown{};
}

}  // namespace fred::remote
