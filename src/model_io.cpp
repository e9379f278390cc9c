// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "model_io.hpp"
#include "file_io.hpp"
#include "inflate.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "utf8.hpp"

#include <cstring>

namespace cv { namespace semcorr {

enum
{
    MAX_FILE = 64 << 20,        // bytes; FileStorage takes up to twice as much for arrays
    MAX_STRUCTURE = 1 << 17,    // lines that are no base64; FileStorage takes some hundred bytes for a new key
    MAX_INDENT = 64,            // spaces, and so the depth that FileStorage's recursive parser reaches
    MAX_LINE = 400,             // bytes, as much as printable() passes on unchanged
    HASH_DIGITS = 64
};

static const char CHECKSUM[] = "# sha256: ";

static String checksumLine(const String& content)
{
    return CHECKSUM + sha256(content.c_str(), content.size()) + "\n";
}

static bool consistsOf(const String& s, const char* punctuation)
{
    for (size_t i = 0; i < s.size(); i++)
    {
        const char c = s[i];
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && (c == 0 || !strchr(punctuation, c)))
            return false;
    }
    return !s.empty();
}

// The type of an array, "f", "i", "1f" or "1i" and blanks up to 24 bytes, in base64. FileStorage never returns from an empty one.
static bool isTypeHeader(const String& s)
{
    const String type = s.substr(0, 4), blanks = "ICAgICAgICAgICAgICAgICAgICAg";
    return (type == "ZiAg" || type == "aSAg" || type == "MWYg" || type == "MWkg") && s.compare(4, blanks.size(), blanks) == 0;
}

// What FileStorage writes for numbers, types of arrays, texts (see writeText) and the start of an array
static bool isValue(const String& s)
{
    if (s.size() >= 2 && s[0] == '"')
        return s.find_first_of("\"\\", 1) == s.size() - 1 && s[s.size() - 1] == '"' && printable(s) == s;
    if (s == "!!opencv-matrix" || s == "!!opencv-nd-matrix" || s == "!!binary |" || s == "[]")
        return true;
    const bool punctuated = s[0] == '-' || s[0] == '.';
    return consistsOf(s, "+-._") && s[0] != '+' && (!punctuated || (s.size() > 1 && s[1] != '-'));
}

// "key: value", "key:", "- value", "-" or "[]"
static bool isStructure(const String& s)
{
    if (s == "-" || s == "[]")
        return true;
    if (s[0] == '-')
        return s.size() > 2 && s[1] == ' ' && isValue(s.substr(2));
    const size_t colon = s.find(':');
    if (colon == String::npos || !consistsOf(s.substr(0, colon), "_"))
        return false;
    return colon + 1 == s.size() || (colon + 2 < s.size() && s[colon + 1] == ' ' && isValue(s.substr(colon + 2)));
}

// Only lines that FileStorage gives for our models, so that nothing else reaches its parser.
static void checkLines(const String& text)
{
    size_t binaryIndent = String::npos;  // of the line that a base64 block follows
    bool blockStarts = false;
    int number = 1, structure = 0;
    for (size_t start = 0, end; start < text.size(); start = end + 1, number++)
    {
        end = std::min(text.find('\n', start), text.size());
        const String line = text.substr(start, std::min(end - start, (size_t)MAX_LINE + 1));
        const size_t indent = line.find_first_not_of(' ');
        bool valid = line.size() <= MAX_LINE && end < text.size() && indent <= MAX_INDENT;
        if (number == 1)
            valid = valid && (line == "%YAML:1.0" || line == "%YAML 1.2");  // OpenCV 4 and 5
        else if (number == 2)
            valid = valid && line == "---";
        else if (valid)
        {
            const String rest = line.substr(indent);
            if (binaryIndent != String::npos && indent > binaryIndent)
                valid = consistsOf(rest, "+/=") && (!blockStarts || isTypeHeader(rest));
            else
            {
                valid = isStructure(rest) && !blockStarts && ++structure <= MAX_STRUCTURE;
                const bool binary = rest.size() > 10 && rest.compare(rest.size() - 10, 10, "!!binary |") == 0;
                binaryIndent = binary ? indent : String::npos;
            }
            blockStarts = binaryIndent == indent;
        }
        if (!valid)
            CV_Error(Error::StsParseError, format("line %d is not one that a model file can have", number));
    }
}

static std::vector<uchar> unzipped(const std::vector<uchar>& bytes)
{
    if (bytes.size() < 2 || bytes[0] != 0x1f || bytes[1] != 0x8b)
        return bytes;
    std::vector<uchar> content;
    if (!inflated(bytes.data(), bytes.size(), MAX_FILE, content))
        CV_Error(Error::StsParseError, "it is damaged: it begins as a file of gzip, but does not go on as one");
    if (content.empty())
        CV_Error(Error::StsOutOfRange, format("it is compressed and has no content, or more than %d bytes of it", (int)MAX_FILE));
    return content;
}

// The YAML text of a file whose checksum is right
static String checkedText(const std::vector<uchar>& bytes)
{
    const size_t size = sizeof(CHECKSUM) - 1 + HASH_DIGITS + 1;
    const std::vector<uchar>::const_iterator split = bytes.end() - std::min(size, bytes.size());
    const String text(bytes.begin(), split), tail(split, bytes.end());
    if (text.compare(0, 5, "%YAML") != 0)
        CV_Error(Error::StsParseError, "it does not begin with \"%YAML\": it is no model file");
    if (tail.compare(0, sizeof(CHECKSUM) - 1, CHECKSUM) != 0)
        CV_Error(Error::StsParseError, "it does not end in a line with its checksum: it is cut off, or no model file");
    if (tail != checksumLine(text))
        CV_Error(Error::StsParseError, "its SHA-256 is not the one in its last line: it is damaged, or was edited");
    return text;
}

static void parse(const String& text, FileStorage& fs)
{
    try
    {
        fs.open(text, FileStorage::READ | FileStorage::MEMORY);
    }
    catch (const cv::Exception& e)
    {
        // some versions put the reason in the place of the function's name
        CV_Error(Error::StsParseError, format("FileStorage cannot parse it: %s %s", e.err.c_str(), e.func.c_str()));
    }
}

static FileNode findRoot(const FileStorage& fs, const String& root)
{
    const FileNode top = fs.root();
    if (!top.isMap() || top.size() != 1)
        CV_Error(Error::StsParseError, format("it holds %d nodes, expected one, \"%s\"", (int)top.size(), root.c_str()));
    const FileNode node = *top.begin();
    if (node.name() != root)
        CV_Error(Error::StsParseError, format("it holds \"%s\", expected \"%s\"", printable(node.name()).c_str(), root.c_str()));
    return node;
}

void writeModelFile(const String& filename, const String& root, const std::function<void(FileStorage&)>& body)
{
    FileStorage fs(".yml", FileStorage::WRITE | FileStorage::MEMORY | FileStorage::FORMAT_YAML | FileStorage::BASE64);
    fs << root << "{";
    body(fs);
    fs << "}";
    const String text = fs.releaseAndGetString(), file = text + checksumLine(text);
    if (file.size() > MAX_FILE)
        CV_Error(Error::StsOutOfRange, format("the model takes %lld bytes, expected at most %d", (long long)file.size(),
                                              (int)MAX_FILE));
    checkLines(text);  // nothing is written that could not be read again
    saveBytes(filename, file);
}

void readModelFile(const String& filename, const String& root, const std::function<void(const FileNode&)>& body)
{
    readModel(loadBytes(filename, MAX_FILE), format("model file \"%s\"", printable(filename).c_str()), root, body);
}

void readModel(const std::vector<uchar>& bytes, const String& title, const String& root,
               const std::function<void(const FileNode&)>& body)
{
    try
    {
        const String text = checkedText(unzipped(bytes));
        checkLines(text);
        FileStorage fs;
        parse(text, fs);
        body(findRoot(fs, root));
    }
    catch (const cv::Exception& e)
    {
        CV_Error(e.code, format("%s: %s", title.c_str(), printable(e.err).c_str()));
    }
}

}}
