#include "gdbmi/travel/helper.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>

#include "cli/engine_process.h"
#include "core/memory/unique_fd.h"
#include "gdbmi/commands/table.h"
#include "gdbmi/travel/python_questions.h"

namespace fred {

using nlohmann::json;

/// Ctrl-C in gdb, and how far the operation is.
class Helper::Interruption final : public Progress {
 public:
  Interruption() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  bool go_on(double, std::string_view what) override {
    what_ = what;
    return !requested_;
  }
  int interrupted_descriptor() const override { return event_.get(); }
  void request() {
    const u64 one = 1;
    requested_ = true;
    (void)!write(event_.get(), &one, sizeof one);
  }
  void clear() {
    u64 count;
    (void)!read(event_.get(), &count, sizeof count);
    requested_ = false;
    what_.clear();
  }
  const std::string& what() const { return what_; }

 private:
  UniqueFd event_;
  std::string what_;
  bool requested_ = false;
};

class Helper::Questions final : public PythonQuestions {
 public:
  explicit Questions(Helper& helper) : helper_(helper) {}
  Result<std::string> console(std::string_view command) override {
    const auto answer = helper_.ask({{"console", command}});
    if (!answer) return fail("gdb has gone");
    if (answer->contains("error")) return fail(answer->value("error", ""));
    return answer->value("text", "");
  }

 private:
  Helper& helper_;
};

class Helper::ShellOfGdb final : public Shell {
 public:
  ShellOfGdb(Helper& helper, unsigned width) : helper_(helper), width_(width) {}
  void print(std::string_view text) override { helper_.say({{"print", text}}); }
  bool gdb(std::string_view line) override { return helper_.ask({{"gdb", line}}).has_value(); }
  std::vector<std::string> gdb_completions(std::string_view) override { return {}; }
  Result<> run_file(const std::string& path) override {
    gdb("source " + path);
    return {};
  }
  Result<> set_prompt_format(std::string_view) override { return fail("This prompt is gdb's own."); }
  std::string prompt_format() const override { return ""; }
  unsigned width() const override { return width_; }
  Progress& progress() override { return *helper_.interruption_; }

 private:
  Helper& helper_;
  unsigned width_;
};

Helper::Helper(asio::io_context& io, TravelSession& session, std::function<void(std::string)> use_terminal)
    : io_(io),
      session_(session),
      use_terminal_(std::move(use_terminal)),
      interruption_(std::make_unique<Interruption>()),
      reminder_(io) {}
Helper::~Helper() = default;

std::string Helper::rows() {
  json rows = json::array();
  for (const auto& c : commands()) {
    using enum Command::Group;
    if (c.group == prompt || c.group == fred) continue;  // about fred-gdb's own prompt
    auto names = c.aliases;
    names.insert(names.begin(), c.name);
    for (const auto name : names) {
      rows.push_back({{"name", name}, {"help", help_of(c)}, {"repeats", c.repeats}, {"expression", c.group == search}});
    }
  }
  rows.push_back({{"name", "fred"}, {"help", help_of_all()}});
  return rows.dump();
}

void Helper::take(std::string_view request, Reply reply) {
  auto what = json::parse(request, nullptr, false);
  if (!what.is_object()) return reply(R"({"done": true, "error": "not understood"})");
  if (what.value("interrupt", false)) interruption_->request();
  const auto action = what.value("do", "");
  if (action == "prompt") {
    if (!running_) note_gdb();
    return reply("{}");
  }
  if (action == "terminal") {
    const auto path = what.value("path", "");
    use_terminal_(path);
    const auto usable = check_terminal(path);
    return reply(usable ? "{}" : json{{"error", usable.error().message}}.dump());
  }
  if (action != "run") {
    if (!running_) return reply(R"({"done": true, "error": "there is no command"})");
    reply_ = std::move(reply);
    if (action == "answer") answer_ = std::move(what);
    return;
  }
  if (running_) return reply(R"({"done": true, "error": "another command of fred's is being carried out"})");
  running_ = true;
  gone_ = false;
  reply_ = std::move(reply);
  answer_.reset();
  // Not within the packet: the next ones belong to this conversation.
  asio::post(io_, [this, what = std::move(what)] { run(what); });
}

void Helper::hung_up() {
  gone_ = true;
  reply_ = nullptr;
  interruption_->request();
}

void Helper::run(const json& request) {
  interruption_->clear();
  remind();
  const auto done = execute(request);
  reminder_.cancel();
  json last{{"done", true}};
  if (!done) last["error"] = done.error().message;
  say(last);
  running_ = false;
}

/// What gdb's own commands have done since the last prompt, or since the last of fred's.
void Helper::note_gdb() {
  const auto now = time_of(session_);
  if (now != shown_) session_.note({"(gdb)", std::exchange(shown_, now), now, false});
}

Result<> Helper::execute(const json& request) {
  const std::string line(trimmed(request.value("line", "")));
  const auto found = find_command(line, [](std::string_view) { return std::vector<std::string>{}; });
  if (!found) return fail(fmt::format("fred has no command '{}'", line));
  Questions questions(*this);
  ShellOfGdb shell(*this, request.value("width", 80U));
  CommandContext context{session_, questions, shell};
  if (auto followed = session_.follow_gdb(questions); !followed) return followed;
  const bool note = request.value("note", false);
  if (note) note_gdb();  // within a script there was no prompt
  const auto before = time_of(session_);
  auto done = found->command->handler(context, found->arguments);
  shown_ = time_of(session_);
  if (note) session_.note({line, before, shown_, !done});
  return done;
}

bool Helper::say(const json& answer) {
  while (!reply_ && !gone_ && io_.run_one() != 0) {
  }
  if (!reply_) return false;
  std::exchange(reply_, nullptr)(answer.dump(-1, ' ', false, json::error_handler_t::replace));
  return true;
}

std::optional<json> Helper::ask(const json& question) {
  answer_.reset();
  if (!say(question)) return std::nullopt;
  while (!answer_ && !gone_ && io_.run_one() != 0) {
  }
  return std::exchange(answer_, std::nullopt);
}

/// gdb's side hears something often enough to notice a Ctrl-C.
void Helper::remind() {
  reminder_.expires_after(std::chrono::milliseconds(200));
  reminder_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    if (reply_ && !answer_) say({{"busy", interruption_->what()}});
    remind();
  });
}

}  // namespace fred
