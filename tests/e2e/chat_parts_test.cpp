#include <algorithm>
#include <fstream>

#include "chat/attachments.h"
#include "chat/command.h"
#include "chat/format.h"
#include "chat/line_editor.h"
#include "chat/picture_file.h"
#include "chat/text.h"
#include "support/catch.h"
#include "support/temp_dir.h"

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

TEST_CASE("a picture survives as a thumbnail, smaller and in its proportions") {
  chat::Picture picture{600, 300, {}};
  for (std::size_t y = 0; y < 300; ++y) {
    for (std::size_t x = 0; x < 600; ++x) {
      const std::uint8_t red = x < 300 ? 255 : 0;
      const std::uint8_t blue = y < 150 ? 0 : 255;
      picture.rgb.insert(picture.rgb.end(), {red, 0, blue});
    }
  }
  const auto thumbnail = chat::to_thumbnail(picture);
  CHECK(thumbnail.size() <= 8192);
  const auto small = chat::from_thumbnail(thumbnail);
  REQUIRE(small);
  CHECK(small->width == 60);
  CHECK(small->height == 30);
  const auto pixel = [&](std::size_t x, std::size_t y) {
    const auto at = small->rgb.begin() + static_cast<std::ptrdiff_t>((y * small->width + x) * 3);
    return std::vector<std::uint8_t>(at, at + 3);
  };
  CHECK(pixel(0, 0) == std::vector<std::uint8_t>{255, 0, 0});
  CHECK(pixel(59, 0) == std::vector<std::uint8_t>{0, 0, 0});
  CHECK(pixel(0, 29) == std::vector<std::uint8_t>{255, 0, 255});
  CHECK(pixel(59, 29) == std::vector<std::uint8_t>{0, 0, 255});
  for (const auto& [width, height] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {3, 5000}, {5000, 1}, {60, 44}, {61, 45}}) {
    const chat::Picture other{width, height, std::vector<std::uint8_t>(width * height * 3, 9)};
    const auto back = chat::from_thumbnail(chat::to_thumbnail(other));
    REQUIRE(back);
    CHECK(back->rgb == std::vector<std::uint8_t>(back->width * back->height * 3, 9));
  }
}

TEST_CASE("a thumbnail of other people's is shown only if it is exactly one of ours") {
  const chat::Picture picture{5, 3, std::vector<std::uint8_t>(45, 200)};
  const auto good = chat::to_thumbnail(picture);
  REQUIRE(chat::from_thumbnail(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(chat::from_thumbnail({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}));
  }
  for (std::size_t i = 0; i < 54; ++i) {
    for (const int bit : {0, 7}) {
      auto bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ (1 << bit));
      CHECK_FALSE(chat::from_thumbnail(bad));
    }
  }
  auto longer = good;
  longer.push_back(0);
  CHECK_FALSE(chat::from_thumbnail(longer));
}

TEST_CASE("half blocks show two rows of pixels in a line, and end their colours") {
  const chat::Picture picture{2, 3, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  CHECK(chat::half_blocks(picture) == std::vector<std::string>{"\x1b[38;2;1;2;3;48;2;4;5;6m▀▀\x1b[0m",
                                                               "\x1b[38;2;7;8;9m▀\x1b[38;2;10;11;12m▀\x1b[0m"});
}

TEST_CASE("PNG and JPEG files are read, and nothing else is") {
  const sotto::test::TempDir dir;
  const auto written = [&](const char* name, const std::vector<std::uint8_t>& bytes) {
    const auto path = dir.file(name);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  };
  // 2 × 1: red and blue.
  const std::vector<std::uint8_t> png{
      0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
      0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x7b, 0x40, 0xe8, 0xdd, 0x00, 0x00, 0x00,
      0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0x00, 0x04, 0xff, 0x01, 0x07, 0x00, 0x01, 0xff,
      0xe2, 0x23, 0x9e, 0x59, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
  const auto picture = chat::read_picture(written("a.png", png));
  REQUIRE(picture);
  CHECK(picture->width == 2);
  CHECK(picture->rgb == std::vector<std::uint8_t>{255, 0, 0, 0, 0, 255});
  const std::vector<std::uint8_t> jpeg{
      0xff, 0xd8, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
      0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
      0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
      0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0xff,
      0xc0, 0x00, 0x0b, 0x08, 0x00, 0x08, 0x00, 0x08, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x00, 0x01,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc4,
      0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0x3f, 0xff, 0xd9};
  const auto grey = chat::read_picture(written("a.jpg", jpeg));
  REQUIRE(grey);
  CHECK(grey->width == 8);
  CHECK(grey->height == 8);
  CHECK(std::ranges::all_of(grey->rgb, [](std::uint8_t c) { return c >= 126 && c <= 130; }));
  for (const auto& whole : {png, jpeg}) {
    for (std::size_t size = 0; size < whole.size() / 2; ++size) {
      CHECK_FALSE(
          chat::read_picture(written("cut", {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)})));
    }
  }
  CHECK_FALSE(chat::read_picture(dir.file("missing")));
  CHECK_FALSE(chat::read_picture(dir.path()));
}

TEST_CASE("files are named safely, and sent as what their name says") {
  sotto::AttachmentInfo info;
  info.name = "cat.jpg";
  CHECK(chat::file_names(info, 3)[0] == "cat.jpg");
  CHECK(chat::file_names(info, 3)[1] == "cat (2).jpg");
  info.name = ".bashrc";
  CHECK(chat::file_names(info, 3)[0] == "_.bashrc");
  info.name = "-rf";
  CHECK(chat::file_names(info, 3)[0] == "_-rf");
  info.name = "a/b\x1b[2J";
  CHECK(chat::file_names(info, 3)[0].find_first_of("/\x1b") == std::string::npos);
  info.name.clear();
  info.kind = sotto::AttachmentKind::voice;
  CHECK(chat::file_names(info, 3)[0] == "voice note 3");
  CHECK(chat::type_of("/a/CAT.JPG").kind == sotto::AttachmentKind::image);
  CHECK(chat::type_of("note.ogg").kind == sotto::AttachmentKind::voice);
  CHECK(chat::type_of("note").kind == sotto::AttachmentKind::document);
  CHECK(chat::type_of("note.ogg.exe").mime_type.empty());
}

TEST_CASE("attachments in words") {
  CHECK(chat::size_in_words(0) == "0 bytes");
  CHECK(chat::size_in_words(1023) == "1023 bytes");
  CHECK(chat::size_in_words(1536) == "1.5 KiB");
  CHECK(chat::size_in_words(120 * 1024) == "120 KiB");
  CHECK(chat::size_in_words(std::uint64_t{2} << 30) == "2.0 GiB");
  sotto::Attachment video;
  video.info.kind = sotto::AttachmentKind::video;
  video.info.name = "a\x1b[2Jb.mp4";
  video.size = 12 << 20;
  video.state = sotto::AttachmentState::downloading;
  video.transferred = 43;
  video.total = 100;
  CHECK(chat::attachment_line(7, video) == "7  a\xEF\xBF\xBD[2Jb.mp4, video, 12 MiB, fetching 43 %");
  video.paused = true;
  CHECK(chat::attachment_line(7, video).ends_with("paused at 43 %"));
  video.state = sotto::AttachmentState::present;
  CHECK(chat::attachment_line(7, video).ends_with("12 MiB"));
}

TEST_CASE("ticks tell how far a message is, and in a group with how many") {
  sotto::Message message;
  const auto at = [&](sotto::MessageState state) {
    message.state = state;
    return message;
  };
  CHECK(chat::mark(at(sotto::MessageState::queued)) == "…");
  CHECK(chat::mark(at(sotto::MessageState::sent)) == "✓");
  CHECK(chat::mark(at(sotto::MessageState::delivered)) == "✓✓");
  CHECK(chat::mark(at(sotto::MessageState::read)) == "✓✓ read");
  CHECK(chat::mark(at(sotto::MessageState::failed)) == "✗");
  CHECK(chat::mark(at(sotto::MessageState::received)).empty());
  const auto group = chat::reached({{{}, true, true}, {{}, true, false}, {{}, false, false}});
  CHECK(chat::mark(at(sotto::MessageState::sent), group) == "✓ 2 of 3");
  CHECK(chat::mark(at(sotto::MessageState::delivered), group) == "✓✓ read by 1 of 3");
  CHECK(chat::mark(at(sotto::MessageState::read), group) == "✓✓ read");
  CHECK(chat::mark(at(sotto::MessageState::sent), chat::reached({{}, {}})) == "✓");
  CHECK(chat::mark(at(sotto::MessageState::delivered), chat::reached({{}, {}})) == "✓✓");
}

TEST_CASE("what others say of themselves cannot steer the terminal") {
  CHECK(chat::profile_in_words({}).empty());
  const auto lines = chat::profile_in_words({"Mal\x1b[2J", "a\nb", std::vector<std::uint8_t>(2048), "image/\x1bpng"});
  CHECK(lines ==
        std::vector<std::string>{"name: Mal\xEF\xBF\xBD[2J", "about: a b", "picture: 2.0 KiB image/\xEF\xBF\xBDpng"});
}

TEST_CASE("who types and who is there is what was told last") {
  chat::Presence presence;
  const sotto::ChatId here{{1}};
  const sotto::ChatId there{{2}};
  const sotto::UserId ann{{3}};
  const sotto::UserId ben{{4}};
  presence.on_event(sotto::TypingChanged{here, ben, true});
  presence.on_event(sotto::TypingChanged{here, ann, true});
  presence.on_event(sotto::TypingChanged{there, ann, true});
  CHECK(presence.typing(here) == std::vector{ann, ben});
  presence.on_event(sotto::TypingChanged{here, ben, false});
  CHECK(presence.typing(here) == std::vector{ann});
  CHECK(presence.typing({}).empty());
  CHECK_FALSE(presence.here(ann));
  presence.on_event(sotto::PresenceChanged{ann, true, {}});
  CHECK(presence.here(ann));
  CHECK_FALSE(presence.here(ben));
  presence.on_event(sotto::PresenceChanged{ann, false, {}});
  CHECK_FALSE(presence.here(ann));
}
