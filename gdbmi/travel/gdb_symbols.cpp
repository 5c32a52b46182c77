#include "gdbmi/travel/gdb_symbols.h"

#include <fmt/format.h>

namespace fred {

using nlohmann::json;

Result<json> ask_python(GdbQuestions& gdb, const std::string& call) {
  const auto text = gdb.console("python _Fred." + call);
  if (!text) return std::unexpected(text.error());
  const auto begin = text->rfind("\n{");
  if (begin == std::string::npos) return fail("gdb gives no answer: " + *text);
  auto answer = json::parse(text->substr(begin + 1), nullptr, false);
  if (answer.is_discarded()) return fail("gdb gives no answer: " + *text);
  return answer;
}

std::string python_string(std::string_view text) {
  return json(std::string(text)).dump(-1, ' ', true, json::error_handler_t::replace);
}

Result<std::optional<GuestRange>> ask_memory(GdbQuestions& gdb, std::string_view expression) {
  const auto answer = ask_python(gdb, fmt::format("memory({})", python_string(expression)));
  if (!answer) return std::unexpected(answer.error());
  if (answer->contains("error")) return fail(answer->value("error", ""));
  if (!answer->contains("address")) return std::nullopt;
  return guest_range(GuestAddr{answer->value("address", u64{0})}, answer->value("size", u64{0}));
}

Result<> GdbSymbols::use(GdbQuestions& gdb) {
  gdb_ = &gdb;
  const auto answer = ask_python(gdb, "symbols()");
  if (!answer) return std::unexpected(answer.error());
  if (const auto now = answer->value("generation", i64{0}); now != generation_) {
    forget();
    generation_ = now;
  }
  jumps_.clear();
  for (const auto& at : (*answer)["jumps"]) jumps_.push_back(GuestAddr{at.get<u64>()});
  return {};
}

void GdbSymbols::forget() {
  code_.clear();
  generation_ = -1;
}

const GdbSymbols::Code& GdbSymbols::code_at(GuestAddr pc) {
  if (const auto known = code_.find(pc); known != code_.end()) return known->second;
  auto& code = code_[pc];
  const auto answer = ask_python(*gdb_, fmt::format("code({:#x})", pc.value));
  if (!answer) return code;
  const auto address = [](const json& of, const char* name) { return GuestAddr{of.value(name, u64{0})}; };
  if (const auto& l = (*answer)["line"]; l.is_object()) {
    const auto name = fmt::format("{}:{}", l.value("file", ""), l.value("line", 0));
    const u64 id = lines_.try_emplace(name, lines_.size() + 1).first->second;
    code.line = Line{.id = LineId{id},
                     .range = {address(l, "begin"), address(l, "end")},
                     .starts_statement = l.value("statement", false),
                     .inline_depth = l.value("depth", 0U)};
    for (const auto& begin : l["skipped"]) code.line->skipped_calls.push_back(GuestAddr{begin.get<u64>()});
  }
  const auto& f = (*answer)["function"];
  if (f.contains("entry")) {
    code.function = Function{.entry = address(f, "entry"),
                             .range = {address(f, "begin"), address(f, "end")},
                             .body = address(f, "body"),
                             .trampoline = f.value("trampoline", false),
                             .skipped = f.value("skipped", false)};
  }
  return code;
}

Result<std::vector<Frame>> GdbSymbols::frames_at(const Time& time, u64 most) {
  const Time here = execution_.position();
  if (auto there = execution_.go_to(time); !there) return std::unexpected(there.error());
  moved_();
  const auto answer = ask_python(*gdb_, fmt::format("frames({})", most));
  if (auto back = execution_.go_to(here); !back) return std::unexpected(back.error());
  moved_();
  if (!answer) return std::unexpected(answer.error());
  std::vector<Frame> frames;
  for (const auto& f : (*answer)["frames"]) {
    frames.push_back({.pc = GuestAddr{f.value("pc", u64{0})},
                      .cfa = f.value("cfa", u64{0}),
                      .interrupted = f.value("interrupted", false)});
  }
  return frames;
}

/// Of "(anonymous namespace)::f(int) + 41 in section .text of /bin/x": "(anonymous namespace)::f".
std::string function_name(std::string_view symbol) {
  if (symbol.starts_with("No symbol")) return "";
  symbol = symbol.substr(0, symbol.find(" in section "));
  symbol = symbol.substr(0, symbol.rfind(" + "));
  if (!symbol.ends_with(')')) return std::string(symbol);
  int depth = 0;
  for (std::size_t at = symbol.size(); at-- > 0;) {
    depth += symbol[at] == ')' ? 1 : symbol[at] == '(' ? -1 : 0;
    if (depth == 0) return std::string(symbol.substr(0, at == 0 ? symbol.size() : at));
  }
  return std::string(symbol);
}

std::string GdbSymbols::place(GuestAddr pc) {
  const auto answer = ask_python(*gdb_, fmt::format("where({:#x})", pc.value));
  const auto function = answer ? function_name(answer->value("function", "")) : "";
  const auto line = answer ? answer->value("line", 0U) : 0;
  if (line != 0) {
    return fmt::format("{}:{}{}", answer->value("file", ""), line, function.empty() ? "" : " in " + function);
  }
  return function.empty() ? fmt::format("{:#x}", pc.value) : fmt::format("{:#x} in {}", pc.value, function);
}

}  // namespace fred
