// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "config.hpp"

#include <map>
#include <sstream>

#include "opencv2/core.hpp"
#include "file_io.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

static const char BLANKS[] = " \t\r";

// What stands for a character in double quotes, behind a backslash, and the character
static const std::pair<char, char> ESCAPES[] = { { '"', '"' }, { '\\', '\\' }, { 'n', '\n' }, { 'r', '\r' }, { 't', '\t' } };

[[noreturn]] static void refuse(const std::string& what)
{
    CV_Error(cv::Error::StsParseError, what);
}

static std::string trimmed(const std::string& text)
{
    const size_t first = text.find_first_not_of(BLANKS);
    return first == std::string::npos ? std::string() : text.substr(first, text.find_last_not_of(BLANKS) - first + 1);
}

std::string quoted(const std::string& value)
{
    std::string result = "\"";
    for (const char c : value)
    {
        std::string written(1, c);
        for (const auto& escape : ESCAPES)
            if (c == escape.second)
                written = { '\\', escape.first };
        result += written;
    }
    return result + "\"";
}

static char unescaped(char c)
{
    for (const auto& escape : ESCAPES)
        if (c == escape.first)
            return escape.second;
    refuse("\"\\" + printable(std::string(1, c)) + "\" in quotes, expected \\\\, \\\", \\n, \\r or \\t");
}

// text: from its quote on. In single quotes a quote is written twice, and a backslash is one.
static std::string unquoted(const std::string& text)
{
    const char quote = text[0];
    std::string value;
    for (size_t i = 1; i < text.size(); i++)
    {
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (text[i] == quote && (quote == '"' || next != quote))
        {
            const std::string rest = text.substr(i + 1), more = trimmed(rest);
            if (!more.empty() && (more[0] != '#' || rest[0] == '#'))
                refuse("\"" + printable(rest) + "\" follows the closing quote, expected the end of the line or a comment");
            return value;
        }
        const bool escaped = quote == '"' && text[i] == '\\' && next;
        value += escaped ? unescaped(next) : text[i];
        i += escaped || text[i] == quote;
    }
    refuse("the quote is not closed in its line");
}

static std::string withoutComment(const std::string& text)
{
    for (size_t i = text.find('#'); i != std::string::npos; i = text.find('#', i + 1))
        if (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')
            return trimmed(text.substr(0, i));
    return text;
}

// text: without blanks around it
static std::string valueOf(const std::string& text)
{
    const char first = text.empty() ? '\0' : text[0];
    if (first == '[' || first == '{')
        refuse("\"" + printable(text) + "\" is a list or a map, expected a text or a number");
    return first == '"' || first == '\'' ? unquoted(text) : withoutComment(text);
}

static bool isMarker(const std::string& text)
{
    return text == "---" || text == "..." || text.compare(0, 5, "%YAML") == 0;
}

// Indented lines and those of lists have no name.
static ConfigLine parseLine(const std::string& text)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const size_t colon = text.find(':');
    const std::string name = text.substr(0, text.find_last_not_of(BLANKS, colon - 1) + 1);
    if (colon == std::string::npos || name.empty() || name[0] == '-' || name.find_first_not_of(LETTERS) != std::string::npos)
        refuse("expected \"name: value\" without anything before it, or a comment");
    return ConfigLine{ name, valueOf(trimmed(text.substr(colon + 1))), std::string() };
}

static std::string contentOf(const std::string& file)
{
    static const std::string BYTE_ORDER_MARK = "\xEF\xBB\xBF";
    const std::vector<uchar> bytes = cv::semcorr::loadBytes(file, 1 << 20);
    const std::string content(bytes.begin(), bytes.end());
    return content.substr(content.compare(0, BYTE_ORDER_MARK.size(), BYTE_ORDER_MARK) == 0 ? BYTE_ORDER_MARK.size() : 0);
}

std::vector<ConfigLine> readConfig(const std::string& file)
{
    std::istringstream stream(contentOf(file));
    std::vector<ConfigLine> lines;
    std::map<std::string, int> numbers;  // of the lines, by name
    std::string text;
    for (int number = 1; std::getline(stream, text); number++)
    {
        const std::string rest = trimmed(text), place = printable(file) + cv::format(":%d", number);
        if (rest.empty() || rest[0] == '#' || isMarker(rest))
            continue;
        try
        {
            lines.push_back(parseLine(text));
        }
        catch (const cv::Exception& e)
        {
            CV_Error(cv::Error::StsParseError, place + ": " + e.err);
        }
        lines.back().place = place;
        const auto added = numbers.insert(std::make_pair(lines.back().name, number));
        if (!added.second)
            CV_Error(cv::Error::StsParseError, place + cv::format(": \"%s\" is there already, in line %d",
                                                                  printable(lines.back().name).c_str(), added.first->second));
    }
    return lines;
}

}
