#include "chat/command.h"
#include "chat/line_editor.h"
#include "chat/text.h"
#include "support/catch.h"

using chat::Command;
using chat::LineEditor;
using chat::Wish;

namespace {

/// An editor after some keys, and what was wished.
struct Typed {
  LineEditor editor;
  std::vector<Wish> wishes;
  std::vector<std::string> lines;

  void keys(std::string_view bytes) {
    editor.feed(bytes, [this](Wish wish) {
      wishes.push_back(wish);
      if (wish == Wish::enter) lines.push_back(editor.take_line());
    });
  }
};

}  // namespace

TEST_CASE("text of others cannot steer the terminal") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(chat::printable("hello, wörld ✓ 漢字 👍") == "hello, wörld ✓ 漢字 👍");
  CHECK(chat::printable("\x1b[2J\x1b]0;title\x07") == bad + "[2J" + bad + "]0;title" + bad);
  CHECK(chat::printable("a\rb\bc\x7f") == "a" + bad + "b" + bad + "c" + bad);
  CHECK(chat::printable("\xC2\x9B"
                        "31m") == bad + "31m");  // CSI as a C1 control
  CHECK(chat::printable("\xE2\x80\xAE"
                        "evil") == bad + "evil");  // right-to-left override
  CHECK(chat::printable("two\nlines\tand") == "two\nlines and");
  CHECK(chat::printable_line("two\nlines") == "two lines");
}

TEST_CASE("bytes that are not UTF-8 are shown as such and never read past the end") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(chat::printable("\xFF") == bad);
  CHECK(chat::printable("\xE2\x82") == bad + bad);
  CHECK(chat::printable("\xC0\xAF") == bad + bad);            // overlong
  CHECK(chat::printable("\xED\xA0\x80") == bad + bad + bad);  // surrogate
  CHECK(chat::printable("\xF4\x90\x80\x80").find('\xF4') == std::string::npos);
}

TEST_CASE("escaped text is one line and can be read back") {
  CHECK(chat::escaped("plain ✓") == "plain ✓");
  CHECK(chat::escaped("a\nb\\c") == "a\\nb\\\\c");
  CHECK(chat::escaped("\x1b[0m\xFF") == "\\x1b[0m\\xff");
}

TEST_CASE("columns and wrapping count what a terminal shows") {
  CHECK(chat::columns("abc") == 3);
  CHECK(chat::columns("漢字") == 4);
  CHECK(chat::columns("e\xCC\x81") == 1);
  CHECK(chat::wrapped("the quick brown fox", 10) == std::vector<std::string>{"the quick", "brown fox"});
  CHECK(chat::wrapped("abcdefgh", 3) == std::vector<std::string>{"abc", "def", "gh"});
  CHECK(chat::wrapped("a\n\nb", 5) == std::vector<std::string>{"a", "", "b"});
  CHECK(chat::clipped("漢字", 3) == "漢");
  for (const auto& line : chat::wrapped("漢字漢字 and some more text 漢", 7)) CHECK(chat::columns(line) <= 7);
}

TEST_CASE("a line is a command or text") {
  CHECK(Command::parse("hello").name == "say");
  CHECK(Command::parse("//etc is a folder").rest == "/etc is a folder");
  CHECK(Command::parse("/open Hiking club  ").name == "open");
  CHECK(Command::parse("/open Hiking club  ").rest == "Hiking club");
  CHECK(Command::parse("/quit").rest.empty());
  CHECK(Command::parse("/").name.empty());
  CHECK(Command::parse("/group \"Hiking club\" bob  carol").words() ==
        std::vector<std::string>{"Hiking club", "bob", "carol"});
}

TEST_CASE("the line editor edits by characters, not bytes") {
  Typed typed;
  typed.keys("h\xC3\xB6");
  typed.keys("\xE2\x9C");  // the rest of the character comes later
  CHECK(typed.editor.text() == "hö");
  typed.keys("\x93");
  CHECK(typed.editor.text() == "hö✓");
  typed.keys("\x7f\x7f");
  CHECK(typed.editor.text() == "h");
  typed.keys("ello\x1b[D\x1b[D!");
  CHECK(typed.editor.text() == "hel!lo");
  typed.keys("\x01>\x05<\r");
  CHECK(typed.lines == std::vector<std::string>{">hel!lo<"});
  CHECK(typed.editor.text().empty());
  typed.keys("\x1b[A");
  CHECK(typed.editor.text() == ">hel!lo<");
}

TEST_CASE("a paste of many lines is one line and sends nothing") {
  Typed typed;
  typed.keys("\x1b[200~one\rtwo\x03three\x1b[201~");
  CHECK(typed.wishes.empty());
  CHECK(typed.editor.text() == "one twothree");
}

TEST_CASE("keys that are cut in the middle, or unknown, do no harm") {
  Typed typed;
  typed.keys("\x1b");
  typed.keys("[");
  typed.keys("5~");
  CHECK(typed.wishes == std::vector<Wish>{Wish::page_up});
  typed.keys("\x1b[999;999z\x1b[" + std::string(100, '1') + "\x1bx");
  typed.keys(
      "\x15"
      "ok");
  CHECK(typed.editor.text().ends_with("ok"));
}
