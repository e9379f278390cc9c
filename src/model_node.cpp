// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "model_node.hpp"
#include "utf8.hpp"

#include <climits>
#include <cstring>
#include <limits>

namespace cv { namespace semcorr {

enum
{
    VERSION = 1,         // of the files that this module writes
    PIECE = 100,         // bytes of text in one string, so that its line is one of at most 400
    MAX_TEXT = 1 << 20,  // bytes
    MAX_PIECES = 1 << 16,
    MAX_LIST = 4096      // texts, or arrays
};

// As long as the line that ends there, but at most PIECE bytes, and no UTF-8 sequence in two
static size_t pieceLength(const String& text, size_t start)
{
    const char* const begin = text.c_str() + start;
    size_t n = std::min(text.size() - start, (size_t)PIECE);
    if (const void* eol = memchr(begin, '\n', n))
        return (const char*)eol + 1 - begin;
    if (start + n < text.size())
        while (n > 1 && ((uchar)begin[n] & 0xC0) == 0x80)
            n--;
    return n;
}

static String encodePiece(const String& piece)
{
    String s = "|";
    for (size_t i = 0; i < piece.size(); i++)
    {
        const char c = piece[i];
        if ((uchar)c < 0x20 || strchr("%\"\'\\", c))
            s += format("%%%02X", c);
        else
            s += c;
    }
    if (printable(s) != s)
        CV_Error(Error::StsBadArg, format("the text \"%s\" is not valid UTF-8", printable(piece).c_str()));
    return s;
}

static String decodePiece(const String& s, const String& name)
{
    static const char digits[] = "0123456789ABCDEF";
    bool valid = !s.empty() && s[0] == '|' && printable(s) == s;
    String piece;
    for (size_t i = 1; valid && i < s.size(); i++)
    {
        if (s[i] != '%')
        {
            piece += s[i];
            continue;
        }
        const char* high = i + 2 < s.size() ? strchr(digits, s[i + 1]) : 0;
        const char* low = i + 2 < s.size() ? strchr(digits, s[i + 2]) : 0;
        valid = high && low && high - digits < 8;  // never a part of a UTF-8 sequence
        if (valid)
            piece += (char)((high - digits) * 16 + (low - digits));
        i += 2;
    }
    if (!valid)
        CV_Error(Error::StsParseError, format("%s is \"%s\", expected a UTF-8 text as a model file holds it", name.c_str(),
                                              printable(s).c_str()));
    return piece;
}

static std::vector<String> encodeText(const String& text)
{
    if (text.size() > MAX_TEXT)
        CV_Error(Error::StsOutOfRange, format("the text has %lld bytes, expected at most %d", (long long)text.size(),
                                              (int)MAX_TEXT));
    std::vector<String> pieces;
    size_t start = 0;
    do  // once for an empty text, too, since empty lists look different from format to format
    {
        const size_t n = pieceLength(text, start);
        pieces.push_back(encodePiece(text.substr(start, n)));
        start += n;
        if (pieces.size() > MAX_PIECES)
            CV_Error(Error::StsOutOfRange, format("the text has more than %d lines, expected no more (every %d bytes of a longer "
                                                  "line count as one)", (int)MAX_PIECES, (int)PIECE));
    } while (start < text.size());
    return pieces;
}

void checkText(const String& text)
{
    encodeText(text);
}

void writeText(FileStorage& fs, const String& key, const String& text)
{
    const std::vector<String> pieces = encodeText(text);
    fs.startWriteStruct(key, FileNode::SEQ);
    for (size_t i = 0; i < pieces.size(); i++)
        fs.write(String(), pieces[i]);
    fs.endWriteStruct();
}

static void checkCount(const String& name, size_t count, size_t most)
{
    if (count > most)
        CV_Error(Error::StsOutOfRange, format("%s has %lld entries, expected at most %d in a model file", name.c_str(),
                                              (long long)count, (int)most));
}

void writeTexts(FileStorage& fs, const String& key, const std::vector<String>& texts)
{
    checkCount(key, texts.size(), MAX_LIST);
    fs.startWriteStruct(key, FileNode::SEQ);
    for (size_t i = 0; i < texts.size(); i++)
        writeText(fs, String(), texts[i]);
    fs.endWriteStruct();
}

void writeReals(FileStorage& fs, const String& key, const Scalar& values)
{
    fs.startWriteStruct(key, FileNode::SEQ);
    for (int i = 0; i < 4; i++)
        fs.write(String(), values[i]);
    fs.endWriteStruct();
}

void writeArrays(FileStorage& fs, const String& key, const std::vector<Mat>& arrays)
{
    checkCount(key, arrays.size(), MAX_LIST);
    fs.startWriteStruct(key, FileNode::SEQ);
    for (size_t i = 0; i < arrays.size(); i++)
        fs.write(String(), arrays[i]);
    fs.endWriteStruct();
}

void writeVersion(FileStorage& fs)
{
    fs << "version" << (int)VERSION;
}

static void unexpected(const String& name, const char* expected)
{
    CV_Error(Error::StsParseError, format("%s is missing or of another type, expected %s", name.c_str(), expected));
}

static int64 toInt64(const FileNode& node, const String& name)
{
    if (!node.isInt())
        unexpected(name, "a whole number");
    return (int64_t)node;
}

static int toInt(const FileNode& node, const String& name)
{
    const int64 value = toInt64(node, name);
    if (value < INT_MIN || value > INT_MAX)
        CV_Error(Error::StsOutOfRange, format("%s is %lld, expected a number of 32 bits", name.c_str(), (long long)value));
    return (int)value;
}

static double toReal(const FileNode& node, const String& name)
{
    if (!node.isInt() && !node.isReal())
        unexpected(name, "a number");
    const double value = (double)node;
    if (!(std::abs(value) <= std::numeric_limits<double>::max()))
        CV_Error(Error::StsOutOfRange, format("%s is %g, expected a finite number", name.c_str(), value));
    return value;
}

// Empty lists and those of one scalar come back from some formats as nothing, or as the scalar.
static std::vector<FileNode> toList(const FileNode& node, const String& name, size_t most)
{
    if (node.empty() || node.isMap())
        unexpected(name, "a list");
    checkCount(name, node.size(), most);
    std::vector<FileNode> list;
    for (FileNodeIterator it = node.begin(); it != node.end(); ++it)
        list.push_back(*it);
    return list;
}

static String toText(const FileNode& node, const String& name)
{
    const std::vector<FileNode> pieces = toList(node, name, MAX_PIECES);
    String text;
    for (size_t i = 0; i < pieces.size(); i++)
    {
        text += decodePiece(pieces[i].isString() ? (String)pieces[i] : String(), name);
        if (text.size() > MAX_TEXT)
            CV_Error(Error::StsOutOfRange, format("%s has more than %d bytes, expected no more", name.c_str(), (int)MAX_TEXT));
    }
    return text;
}

static std::vector<int> toShape(const FileNode& node, const String& name, int dims)
{
    std::vector<int> shape;
    if (node["sizes"].empty())  // FileStorage's layout for two dimensions
    {
        shape.push_back(toInt(node["rows"], name + ".rows"));
        shape.push_back(toInt(node["cols"], name + ".cols"));
    }
    else
    {
        const std::vector<FileNode> sizes = toList(node["sizes"], name + ".sizes", CV_MAX_DIM);
        for (size_t i = 0; i < sizes.size(); i++)
            shape.push_back(toInt(sizes[i], name + ".sizes"));
    }
    if ((int)shape.size() != dims)
        CV_Error(Error::StsBadSize, format("%s has %d dimensions, expected %d", name.c_str(), (int)shape.size(), dims));
    return shape;
}

// `fs >> Mat` would allocate what the sizes say before it looks at the data.
static Mat toArray(const FileNode& node, const String& name, int depth, int dims)
{
    if (!node.isMap())
        unexpected(name, "an array");
    const String type = depth == CV_32F ? "f" : "i";
    if (!node["dt"].isString() || (String)node["dt"] != type)
        CV_Error(Error::StsUnsupportedFormat, format("%s.dt is missing or not \"%s\", the type of this array", name.c_str(),
                                                     type.c_str()));
    const std::vector<int> shape = toShape(node, name, dims);
    const FileNode data = node["data"];
    double total = 1;  // cannot overflow
    for (int i = 0; i < dims; i++)
    {
        if (shape[i] < 1)
            CV_Error(Error::StsBadSize, format("a size of %s is %d, expected at least 1", name.c_str(), shape[i]));
        total *= shape[i];
    }
    if (data.empty() || data.isMap() || total != (double)data.size())
        CV_Error(Error::StsUnmatchedSizes, format("%s holds %lld values, expected %.0f as its sizes say", name.c_str(),
                                                  (long long)data.size(), total));
    Mat array(dims, &shape[0], depth);
    data.readRaw(type, array.ptr(), array.total() * array.elemSize());
    return array;
}

void checkVersion(const FileNode& node, const String& name)
{
    if (!node.isMap())
        unexpected(name, "a map");
    const int version = toInt(node["version"], name + ".version");
    if (version != VERSION)
        CV_Error(Error::StsNotImplemented, format("%s.version is %d, expected %d%s", name.c_str(), version, (int)VERSION,
                                                  version > VERSION ? ": a newer module wrote it" : ""));
}

ModelNode::ModelNode(const FileNode& node_, const String& name_, std::initializer_list<const char*> keys)
    : node(node_), name(name_)
{
    if (!node.isMap())
        unexpected(name, "a map");
    for (const char* key : keys)
        if (node[key].empty())
            CV_Error(Error::StsParseError, format("%s is missing", nameOf(key).c_str()));
    for (FileNodeIterator it = node.begin(); it != node.end(); ++it)
    {
        const String key = (*it).name();
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            CV_Error(Error::StsParseError, format("%s is unknown, expected no such node", printable(name + "." + key).c_str()));
    }
    if (node.size() != keys.size())
        CV_Error(Error::StsParseError, format("%s has %d nodes, expected %d: one is there twice", name.c_str(), (int)node.size(),
                                              (int)keys.size()));
}

int ModelNode::getInt(const char* key) const { return toInt(node[key], nameOf(key)); }

int64 ModelNode::getInt64(const char* key) const { return toInt64(node[key], nameOf(key)); }

bool ModelNode::getFlag(const char* key) const
{
    const int value = getInt(key);
    if (value != 0 && value != 1)
        CV_Error(Error::StsOutOfRange, format("%s is %d, expected 0 or 1", nameOf(key).c_str(), value));
    return value == 1;
}

double ModelNode::getReal(const char* key) const { return toReal(node[key], nameOf(key)); }

Scalar ModelNode::getScalar(const char* key) const
{
    const std::vector<FileNode> values = getList(key, 4);
    if (values.size() != 4)
        CV_Error(Error::StsBadSize, format("%s has %d entries, expected 4", nameOf(key).c_str(), (int)values.size()));
    Scalar result;
    for (int i = 0; i < 4; i++)
        result[i] = toReal(values[i], nameOf(key));
    return result;
}

String ModelNode::getText(const char* key) const { return toText(node[key], nameOf(key)); }

std::vector<String> ModelNode::getTexts(const char* key) const
{
    const std::vector<FileNode> list = getList(key, MAX_LIST);
    std::vector<String> texts;
    for (size_t i = 0; i < list.size(); i++)
        texts.push_back(toText(list[i], nameOf(key) + format("[%d]", (int)i)));
    return texts;
}

std::vector<FileNode> ModelNode::getList(const char* key, size_t most) const { return toList(node[key], nameOf(key), most); }

std::vector<Mat> ModelNode::getArrays(const char* key, int depth, int dims) const
{
    const std::vector<FileNode> list = getList(key, MAX_LIST);
    std::vector<Mat> arrays;
    for (size_t i = 0; i < list.size(); i++)
        arrays.push_back(toArray(list[i], nameOf(key) + format("[%d]", (int)i), depth, dims));
    return arrays;
}

}}
