// gdb as the source of lines, functions and frames. The questions are answered by python/fred_gdb/answers.py.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "gdbmi/commands/gdb_questions.h"
#include "reverse/execution.h"
#include "reverse/timeline/symbols.h"

namespace fred {

/// What a call of answers.py says.
Result<nlohmann::json> ask_python(GdbQuestions& gdb, const std::string& call);
/// Where the value of an expression lies; nothing if it is no memory. The answers of `stored()` are about it from then
/// on.
Result<std::optional<GuestRange>> ask_memory(GdbQuestions& gdb, std::string_view expression);
/// The function of what `info symbol` says, without offset and parameters; "" if there is none.
std::string function_name(std::string_view symbol);
/// As a literal of Python's.
std::string python_string(std::string_view text);

class GdbSymbols final : public Symbols {
 public:
  /// `moved` is called whenever the execution has been moved by a question.
  GdbSymbols(Execution& execution, std::function<void()> moved) : execution_(execution), moved_(std::move(moved)) {}

  /// For one command; what is known of symbols is forgotten if gdb has others now.
  Result<> use(GdbQuestions& gdb);
  void forget();

  std::optional<Line> line_at(GuestAddr pc) override { return code_at(pc).line; }
  std::optional<Function> function_at(GuestAddr pc) override { return code_at(pc).function; }
  Result<std::vector<Frame>> frames_at(const Time& time, u64 most) override;
  std::vector<GuestAddr> nonlocal_jumps() override { return jumps_; }

  /// "list.c:26 in append", or an address.
  std::string place(GuestAddr pc);

 private:
  struct Code {
    std::optional<Line> line;
    std::optional<Function> function;
  };
  const Code& code_at(GuestAddr pc);

  Execution& execution_;
  std::function<void()> moved_;
  GdbQuestions* gdb_ = nullptr;
  i64 generation_ = -1;
  std::map<GuestAddr, Code> code_;
  std::unordered_map<std::string, u64> lines_;
  std::vector<GuestAddr> jumps_;
};

}  // namespace fred
