#include "gdbmi/prompt/questions.h"

#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/commands/console_text.h"
#include "gdbmi/mi/parser.h"

namespace fred {

namespace {

/// Frames deeper than this are not looked for.
constexpr unsigned deepest_frame = 10000;

}  // namespace

void MiQuestions::forget_symbols() { functions_.clear(); }

Result<std::optional<GuestRange>> MiQuestions::function_at(GuestAddr pc) {
  if (auto it = functions_.upper_bound(pc); it != functions_.begin() && std::prev(it)->second.contains(pc)) {
    return std::prev(it)->second;
  }
  const auto answer = mi_.ask(fmt::format("-data-disassemble -a {:#x} -- 2", pc.value));
  if (!answer) {
    // gdb has no function there: that is an answer.
    return mi_.alive() ? Result<std::optional<GuestRange>>(std::nullopt) : std::unexpected(answer.error());
  }
  const auto* const instructions = answer->find("asm_insns");
  if (instructions == nullptr || instructions->members.empty()) return std::nullopt;
  const auto& first = instructions->members.front().value;
  const auto& last = instructions->members.back().value;
  const auto begin = first_hexadecimal(first.string("address")), end = first_hexadecimal(last.string("address"));
  if (!begin || !end) return std::nullopt;
  const auto bytes = (last.string("opcodes").size() + 1) / 3;
  const GuestRange range{GuestAddr{*begin}, GuestAddr{*end + bytes}};
  functions_[range.begin] = range;
  return range;
}

Result<GuestAddr> MiQuestions::cfa_of(unsigned level) {
  const auto text = mi_.ask_console(fmt::format("info frame level {}", level));
  if (!text) return std::unexpected(text.error());
  const auto cfa = first_hexadecimal(behind(*text, "frame at "));
  if (!cfa) return fail("gdb does not know where the frame is");
  return GuestAddr{*cfa};
}

Result<std::vector<GdbFrame>> MiQuestions::frames(unsigned most) {
  if (most == 0) return std::vector<GdbFrame>{};
  const auto answer = mi_.ask(fmt::format("-stack-list-frames 0 {}", most - 1));
  if (!answer) return std::unexpected(answer.error());
  std::vector<GdbFrame> frames;
  const auto* const stack = answer->find("stack");
  if (stack == nullptr) return frames;
  for (const auto& [name, f] : stack->members) {
    GdbFrame frame;
    frame.pc = GuestAddr{first_hexadecimal(f.string("addr")).value_or(0)};
    frame.function = f.string("func");
    frame.file = f.string("file");
    frame.line = leading_number<u32>(f.string("line")).value_or(0);
    const auto function = function_at(frame.pc);
    if (!function) return std::unexpected(function.error());
    if (*function) frame.id.function = (*function)->begin;
    const auto cfa = cfa_of(static_cast<unsigned>(frames.size()));
    if (!cfa) return std::unexpected(cfa.error());
    frame.id.cfa = *cfa;
    frames.push_back(std::move(frame));
  }
  return frames;
}

Result<unsigned> MiQuestions::selected_frame() {
  const auto answer = mi_.ask("-stack-info-frame");
  if (!answer) return std::unexpected(answer.error());
  const auto* const frame = answer->find("frame");
  return frame == nullptr ? 0 : leading_number<unsigned>(frame->string("level")).value_or(0);
}

/// The stack grows down: a frame lies further in than any whose CFA is higher.
Result<unsigned> MiQuestions::level_of(const FrameId& frame) {
  for (unsigned level = 0; level < deepest_frame; ++level) {
    const auto cfa = cfa_of(level);
    if (!cfa) break;
    if (*cfa > frame.cfa) break;
    if (*cfa != frame.cfa) continue;
    const auto answer = mi_.ask(fmt::format("-stack-list-frames {} {}", level, level));
    if (!answer) return std::unexpected(answer.error());
    const auto* const stack = answer->find("stack");
    if (stack == nullptr || stack->members.empty()) break;
    const GuestAddr pc{first_hexadecimal(stack->members.front().value.string("addr")).value_or(0)};
    const auto function = function_at(pc);
    if (!function) return std::unexpected(function.error());
    if ((*function ? (*function)->begin : GuestAddr{}) == frame.function) return level;
  }
  return fail("the frame of the expression does not exist here");
}

Result<std::string> MiQuestions::evaluate(std::string_view expression, const std::optional<FrameId>& frame) {
  std::string where;
  if (frame) {
    const auto level = level_of(*frame);
    if (!level) return std::unexpected(level.error());
    const auto threads = mi_.ask("-thread-info");
    if (!threads) return std::unexpected(threads.error());
    where = fmt::format("--thread {} --frame {} ", threads->string("current-thread-id"), *level);
  }
  const auto answer = mi_.ask(fmt::format("-data-evaluate-expression {}{}", where, mi::quote(expression)));
  if (!answer) return std::unexpected(answer.error());
  return std::string(answer->string("value"));
}

Result<std::optional<GuestRange>> MiQuestions::memory_of(std::string_view expression,
                                                         const std::optional<FrameId>& frame) {
  const auto address = evaluate(fmt::format("&({})", expression), frame);
  if (!address) return mi_.alive() ? Result<std::optional<GuestRange>>(std::nullopt) : std::unexpected(address.error());
  const auto size = evaluate(fmt::format("sizeof({})", expression), frame);
  if (!size) return std::unexpected(size.error());
  const auto at = first_hexadecimal(*address);
  const auto bytes = leading_number<u64>(*size);
  if (!at || !bytes || *bytes == 0) return std::nullopt;
  return guest_range(GuestAddr{*at}, *bytes);
}

}  // namespace fred
