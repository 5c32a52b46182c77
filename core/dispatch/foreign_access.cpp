#include "core/dispatch/foreign_access.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "core/arch/x86/guest_cpu.h"
#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_word.h"
#include "core/memory/opened_pages.h"
#include "core/translate/word_operation.h"

namespace fred {

namespace {

constexpr u64 direction_flag = 0x400;
constexpr u64 longest_part = u64{1} << 16;  // bytes that a rep instruction touches at once
constexpr u64 red_zone = 128;               // below the stack pointer, of the ABI
constexpr u64 most_decoded = 4096;
/// Of an instruction that natively is not atomic either.
constexpr int most_attempts = 4;

u64 count_of(const Instruction& i, const Registers& regs) {
  return i.raw.address_width == 32 ? regs.gpr[rcx] & 0xffffffff : regs.gpr[rcx];
}

/// Without a lock, a processor accesses no more than a line of its cache at once.
bool in_one_line(GuestRange range) {
  constexpr u64 line = 64;
  return range.begin.value / line == (range.end.value - 1) / line;
}

/// Writes to the guest's copy, whatever the guest may do there.
void write_copy(GuestMemory& memory, GuestAddr at, std::span<const u8> bytes) {
  if (guest_write(at, bytes.data(), bytes.size())) return;
  const OpenedPages open(memory, guest_range(at, bytes.size()));
  (void)guest_write(at, bytes.data(), bytes.size());
}

std::vector<u8> bytes_of(GuestRange range) {
  std::vector<u8> bytes(range.size());
  (void)guest_read(bytes.data(), range.begin, bytes.size());
  return bytes;
}

}  // namespace

const ForeignAccess::Decoded* ForeignAccess::decode_here() {
  u8 code[15];
  const GuestAddr pc = engine_.cpu().pc();
  const u64 size = guest_readable(pc, sizeof code);
  if (!guest_read(code, pc, size)) return nullptr;
  if (const auto known = decoded_.find(pc.value); known != decoded_.end()) {
    const auto& bytes = known->second.code;
    if (bytes.size() <= size && std::equal(bytes.begin(), bytes.end(), code)) return &known->second;
  }
  const auto instruction = decode(pc, {code, size});
  if (!instruction) return nullptr;
  if (decoded_.size() >= most_decoded) decoded_.clear();
  Decoded decoded{.code = {code, code + instruction->length},
                  .instruction = *instruction,
                  .accesses = accesses_of(*instruction, {code, instruction->length}),
                  .locked = (instruction->raw.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0 ||
                            instruction->raw.mnemonic == ZYDIS_MNEMONIC_XCHG};
  return &(decoded_[pc.value] = std::move(decoded));
}

std::vector<Touched> ForeignAccess::touched_by(const Decoded& d, const Registers& regs) {
  auto& cpu = engine_.cpu();
  const auto& foreign = engine_.memory().foreign();
  std::vector<Touched> all, found;
  if (d.accesses.other) {
    std::vector<u8> vectors(cpu.vector_area(), cpu.vector_area() + cpu.vector_size());
    canonicalise_vector_area(vectors.data(), cpu.vector_mask());
    all = other_accesses(d.instruction, d.code, regs, vectors);
  }
  const bool down = (regs.rflags & direction_flag) != 0;
  for (const auto& a : d.accesses.all()) {
    const u64 at = address_of(a, regs);
    const auto range = d.instruction.repeated ? repeated_range(at, a.size, count_of(d.instruction, regs), down)
                                              : guest_range(GuestAddr{at}, a.size);
    // How many iterations there are is told by rcx, not by that.
    const bool partly = a.partly && !d.instruction.repeated;
    all.push_back({.range = range, .reads = a.reads, .writes = a.writes, .partly = partly});
  }
  for (const auto& t : all) {
    for (const auto& range : foreign.in(t.range)) {
      for (const auto& m : engine_.memory().table().in(range)) {
        if ((m.prot & PROT_READ) == 0) continue;  // an access there faults
        found.push_back({.range = m.range, .reads = t.reads, .writes = t.writes, .partly = t.partly});
      }
    }
  }
  return found;
}

u64 ForeignAccess::part_of_repetition() {
  const auto* d = decode_here();
  if (d == nullptr || !d->instruction.repeated) return 0;
  const u64 size = d->accesses.count != 0 ? d->accesses.access[0].size : 1;
  const u64 most = longest_part / std::max<u64>(size, 1);
  if (count_of(d->instruction, engine_.cpu().regs()) <= most) return 0;
  // The range of all iterations may wrap around: what the first of them touch is looked at.
  auto regs = engine_.cpu().registers();
  regs.gpr[rcx] = most;
  return touched_by(*d, regs).empty() ? 0 : most;
}

bool ForeignAccess::load_piece(GuestRange range, std::vector<Loaded>& loaded) {
  auto& memory = engine_.memory();
  const u8* alias = memory.foreign().alias(range.begin);
  if (alias == nullptr) return true;
  std::vector<u8> now(range.size());
  if (!copy_words(now.data(), alias, now.size())) return false;
  take(now, range, loaded);
  return true;
}

void ForeignAccess::take(std::span<const u8> now, GuestRange range, std::vector<Loaded>& loaded) {
  const auto known = bytes_of(range);
  if (std::ranges::equal(now, known)) return;
  const auto first = std::mismatch(now.begin(), now.end(), known.begin()).first - now.begin();
  auto last = static_cast<i64>(now.size());
  while (now[static_cast<u64>(last - 1)] == known[static_cast<u64>(last - 1)]) --last;
  Loaded changed{.range = {range.begin + static_cast<u64>(first), range.begin + static_cast<u64>(last)},
                 .bytes = {now.begin() + first, now.begin() + last}};
  write_copy(engine_.memory(), changed.range.begin, changed.bytes);
  loaded.push_back(std::move(changed));
}

bool ForeignAccess::load(const std::vector<Touched>& touched, std::vector<Loaded>& loaded) {
  return std::ranges::all_of(touched, [&](const Touched& t) {
    if (t.reads || t.partly) return load_piece(t.range, loaded);
    // A copy that is written as a whole may be stale before. But the memory must be there.
    const GuestAddr there{engine_.memory().foreign().for_kernel(t.range.begin)};
    return guest_readable(there, t.range.size()) == t.range.size();
  });
}

std::optional<Exit> ForeignAccess::exchange(const Decoded& d, const Touched& t) {
  auto& memory = engine_.memory();
  auto& cpu = engine_.cpu();
  const u64 size = t.range.size();
  u8* alias = memory.foreign().alias(t.range.begin);
  const bool aligned = t.range.begin.value % std::max<u64>(size, 1) == 0;
  const bool word = is_word(size) && (size < largest_word || aligned) && (d.locked || in_one_line(t.range));
  const auto* mapping = memory.table().find(t.range.begin);
  if (!word || alias == nullptr || (mapping->prot & PROT_WRITE) == 0) return std::nullopt;
  const Registers before = cpu.regs();
  const auto operation = WordOperation::of(d.instruction, d.code, before, size);
  if (!operation) return std::nullopt;
  const Time at = engine_.now();
  Word old = 0, desired = 0;
  auto exchanged = Exchange::differs;
  while (exchanged == Exchange::differs) {
    if (!copy_words(&old, alias, size)) return std::nullopt;
    desired = (*operation)(old);
    exchanged = exchange_word(alias, &old, &desired, size);
  }
  if (exchanged == Exchange::faults) return std::nullopt;
  // Now the instruction itself finds what was there, and does to the copy what has been done to the memory.
  std::vector<Loaded> loaded;
  take({reinterpret_cast<const u8*>(&old), size}, t.range, loaded);
  Exit exit;
  do {
    cpu.state().request = 0;  // it can no longer be left undone; what asks is looked at behind it
    exit = cpu.step();
  } while (exit.kind == ExitKind::bail);
  Word now = 0;
  (void)guest_read(&now, t.range.begin, size);
  FRED_CHECK(now == desired, "{} at {:#x} wrote something else to the copy than to the memory",
             ZydisMnemonicGetString(d.instruction.raw.mnemonic), at.pc.value);
  if (!loaded.empty()) log(at, before, loaded);
  return exit;
}

bool ForeignAccess::store(const Touched& t, std::span<const u8> before, bool last_attempt) {
  u8* alias = engine_.memory().foreign().alias(t.range.begin);
  if (alias == nullptr) return true;
  const u64 size = t.range.size();
  const auto now = bytes_of(t.range);
  if (t.reads && is_word(size) && size < largest_word && in_one_line(t.range) && !last_attempt) {
    return exchange_word(alias, before.data(), now.data(), size) != Exchange::differs;
  }
  if (!t.partly) {
    (void)copy_words(alias, now.data(), size);
    return true;
  }
  for (u64 i = 0; i < size; ++i) {
    if (now[i] != before[i]) (void)copy_words(alias + i, &now[i], 1);
  }
  return true;
}

bool ForeignAccess::store_all(const Decoded& d, const Registers& regs, const std::vector<Touched>& touched,
                              const std::vector<std::vector<u8>>& before, bool last_attempt) {
  if (!d.instruction.repeated) {
    for (u64 i = 0; i < touched.size(); ++i) {
      if (touched[i].writes && !store(touched[i], before[i], last_attempt)) return false;
    }
    return true;
  }
  Registers done = regs;
  done.gpr[rcx] = count_of(d.instruction, regs) - count_of(d.instruction, engine_.cpu().regs());
  for (const auto& t : touched_by(d, done)) {
    if (t.writes) (void)store(t, {}, true);
  }
  return true;
}

Exit ForeignAccess::access(const Decoded& d, const std::vector<Touched>& touched) {
  auto& cpu = engine_.cpu();
  auto& memory = engine_.memory();
  const Time at = engine_.now();
  const Registers before = cpu.regs(), all = cpu.registers();
  std::vector<Loaded> loaded;
  ++accesses_;
  if (touched.size() == 1 && touched[0].reads && touched[0].writes && !d.instruction.repeated) {
    if (const auto exit = exchange(d, touched[0])) return *exit;
  }
  int attempts = 0;
  for (;;) {
    if (!load(touched, loaded)) return raise_bus_error(touched[0].range.begin);
    std::vector<std::vector<u8>> contents;
    for (const auto& t : touched) contents.push_back(t.writes ? bytes_of(t.range) : std::vector<u8>{});
    const Exit exit = cpu.step();
    const bool executed = d.instruction.repeated || (exit.kind != ExitKind::fault && exit.kind != ExitKind::bail);
    if (!executed || store_all(d, all, touched, contents, ++attempts == most_attempts)) {
      if (!loaded.empty()) log(at, before, loaded);
      return exit;
    }
    cpu.regs() = before;
    for (u64 i = 0; i < touched.size(); ++i) {
      if (touched[i].writes) write_copy(memory, touched[i].range.begin, contents[i]);
    }
  }
}

void ForeignAccess::log(const Time& at, const Registers& registers, const std::vector<Loaded>& loaded) {
  auto& events = engine_.events();
  ++loads_;
  events.begin(EventKind::load, 0, at, registers);
  std::vector<GuestRange> ranges;
  std::vector<u8> bytes;
  for (const auto& l : loaded) {
    ranges.push_back(l.range);
    bytes.insert(bytes.end(), l.bytes.begin(), l.bytes.end());
  }
  events.blob(ranges);
  events.blob(bytes);
  events.end();
}

bool ForeignAccess::load_again() {
  if (engine_.next_here(EventKind::load) == nullptr) return false;
  auto& events = engine_.events();
  std::vector<GuestRange> ranges;
  std::vector<u8> bytes;
  events.begin(EventKind::load, 0, engine_.now(), engine_.cpu().regs());
  events.blob(ranges);
  events.blob(bytes);
  events.end();
  u64 taken = 0;
  for (const auto& range : ranges) {
    if (range.size() > bytes.size() - taken) events.diverged("a load with too few bytes", engine_.now());
    write_copy(engine_.memory(), range.begin, std::span(bytes).subspan(taken, range.size()));
    taken += range.size();
  }
  return true;
}

bool ForeignAccess::holds_stack() const {
  const auto& foreign = engine_.memory().foreign();
  const GuestAddr top{engine_.cpu().regs().gpr[rsp]};
  return foreign.any() && foreign.overlaps({top - std::min(red_zone, top.value), top + 1});
}

Exit ForeignAccess::step() {
  auto& cpu = engine_.cpu();
  const bool replaying = engine_.mode() == Mode::replay;
  const bool loaded = replaying && load_again();
  const auto* d = decode_here();
  const auto touched = d != nullptr ? touched_by(*d, cpu.registers()) : std::vector<Touched>{};
  if (replaying && !loaded && !touched.empty() && bus_error_is_recorded())
    return raise_bus_error(touched[0].range.begin);
  for (const auto& t : touched) {
    const auto& m = *engine_.memory().table().find(t.range.begin);
    if (t.writes && stays_open(m)) return step_closed(m.range);
  }
  return touched.empty() || engine_.mode() != Mode::record ? cpu.step() : access(*d, touched);
}

Exit ForeignAccess::step_closed(GuestRange range) {
  const auto protect = [&](u64 prot) { raw_syscall(SYS_mprotect, range.begin.value, range.size(), prot); };
  protect(PROT_READ);
  const Exit exit = engine_.cpu().step();  // it faults there
  protect(PROT_READ | PROT_WRITE);
  return exit;
}

void ForeignAccess::reads(GuestRange range) {
  if (!engine_.memory().foreign().overlaps(range)) return;
  if (engine_.mode() == Mode::replay) {
    load_again();
    return;
  }
  std::vector<Loaded> loaded;
  for (const auto& piece : engine_.memory().foreign().in(range)) (void)load_piece(piece, loaded);
  if (!loaded.empty()) log(engine_.now(), engine_.cpu().regs(), loaded);
}

bool ForeignAccess::bus_error_is_recorded() {
  const auto* next = engine_.events().peek();
  Time here = engine_.now();
  here.phase = 1;
  return next != nullptr && next->kind == EventKind::fault && next->detail == SIGBUS && next->time() == here;
}

Exit ForeignAccess::raise_bus_error(GuestAddr at) {
  GuestFault fault{.signal = {SIGBUS, {}}, .trap_number = 14, .error_code = 4, .cr2 = at.value};
  fault.signal.info.si_signo = SIGBUS;
  fault.signal.info.si_code = BUS_ADRERR;
  fault.signal.info.si_addr = at.ptr();
  engine_.raise(fault.signal, fault);
  return {.kind = ExitKind::bail};
}

void ForeignAccess::hand_on(GuestRange range) {
  const auto& foreign = engine_.memory().foreign();
  for (const auto& piece : foreign.in(range)) {
    if (u8* alias = foreign.alias(piece.begin); alias != nullptr)
      (void)copy_words(alias, piece.begin.ptr(), piece.size());
  }
}

void ForeignAccess::fetch(GuestRange range) {
  std::vector<Loaded> fetched;  // the caller logs all of the range
  for (const auto& piece : engine_.memory().foreign().in(range)) (void)load_piece(piece, fetched);
}

}  // namespace fred
