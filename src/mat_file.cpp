// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "mat_file.hpp"
#include "file_io.hpp"
#include "inflate.hpp"
#include "utf8.hpp"

#include <cstring>

namespace cv { namespace semcorr {

// Numbers of the format, "MAT-File Level 5 Data Format" of the MATLAB documentation
enum
{
    MAX_FILE = 16 << 20,     // bytes
    MAX_VARIABLE = 1 << 20,  // bytes, inflated; larger ones are passed over
    HEADER = 128,            // bytes
    MI_INT8 = 1, MI_UINT8 = 2, MI_INT16 = 3, MI_UINT16 = 4, MI_INT32 = 5, MI_UINT32 = 6, MI_SINGLE = 7, MI_DOUBLE = 9,
    MI_MATRIX = 14, MI_COMPRESSED = 15,
    CLASS_DOUBLE = 6, CLASS_UINT32 = 13,  // the numeric classes without 64-bit integers are all between
    FLAG_COMPLEX = 0x800
};

// Bytes [begin, end) of a file or of an inflated variable, read from front to back
class Reader
{
public:
    Reader(const uchar* begin_, const uchar* end_, bool swapped_) : at(begin_), end(end_), swapped(swapped_) {}

    struct Element
    {
        unsigned type;
        const uchar* data;
        size_t size;  // bytes
    };

    bool atEnd() const { return at == end; }

    // The next element: type and size, then the data, padded to 8 bytes; or all in 8 bytes, if the data has up to 4
    Element next()
    {
        need(8);
        const unsigned tag = value<unsigned>(at), small = tag >> 16;
        if (small != 0)
        {
            const Element element = { tag & 0xFFFF, at + 4, small };
            if (small > 4)
                damaged();
            at += 8;
            return element;
        }
        const Element element = { tag, at + 8, value<unsigned>(at + 4) };
        at += 8;
        need(element.size);
        const size_t padding = tag == MI_COMPRESSED ? 0 : (8 - element.size % 8) % 8;
        at += std::min(element.size + padding, (size_t)(end - at));
        return element;
    }

    template<typename T> T value(const uchar* p) const
    {
        uchar bytes[sizeof(T)];
        memcpy(bytes, p, sizeof(T));
        if (swapped)
            std::reverse(bytes, bytes + sizeof(T));
        T v;
        memcpy(&v, bytes, sizeof(T));
        return v;
    }

    template<typename T> void values(const Element& element, std::vector<double>& result) const
    {
        if (element.size % sizeof(T) != 0)
            damaged();
        result.reserve(element.size / sizeof(T));
        for (size_t i = 0; i < element.size; i += sizeof(T))
            result.push_back((double)value<T>(element.data + i));
    }

    // Numbers of an element, stored in any type (MATLAB takes the smallest that holds them)
    std::vector<double> numbers(const Element& element) const
    {
        std::vector<double> result;
        switch (element.type)
        {
        case MI_INT8: values<schar>(element, result); break;
        case MI_UINT8: values<uchar>(element, result); break;
        case MI_INT16: values<short>(element, result); break;
        case MI_UINT16: values<ushort>(element, result); break;
        case MI_INT32: values<int>(element, result); break;
        case MI_UINT32: values<unsigned>(element, result); break;
        case MI_SINGLE: values<float>(element, result); break;
        case MI_DOUBLE: values<double>(element, result); break;
        default: damaged();
        }
        return result;
    }

    CV_NORETURN static void damaged() { CV_Error(Error::StsParseError, "the file is damaged"); }

private:
    void need(size_t size) const
    {
        if ((size_t)(end - at) < size)
            damaged();
    }

    const uchar* at;
    const uchar* const end;
    const bool swapped;  // the byte order of the file is not this machine's
};

typedef std::map<String, Mat> Variables;  // those wanted

// Parts: flags and class, dimensions, name, then for numeric classes the values, column by column
static void readMatrix(const Reader::Element& matrix, bool swapped, Variables& variables)
{
    Reader reader(matrix.data, matrix.data + matrix.size, swapped);
    const Reader::Element flags = reader.next(), dimensions = reader.next(), name = reader.next();
    if (flags.type != MI_UINT32 || flags.size != 8 || dimensions.type != MI_INT32 || name.type != MI_INT8)
        Reader::damaged();
    const unsigned flag = reader.value<unsigned>(flags.data), kind = flag & 0xFF;
    const Variables::iterator variable = variables.find(String(name.data, name.data + name.size));
    if (variable == variables.end() || kind < CLASS_DOUBLE || kind > CLASS_UINT32 || (flag & FLAG_COMPLEX) || dimensions.size != 8)
        return;
    std::vector<double> values = reader.numbers(reader.next());
    const int rows = reader.value<int>(dimensions.data), cols = reader.value<int>(dimensions.data + 4);
    if (rows < 0 || cols < 0 || (int64)rows * cols != (int64)values.size())
        Reader::damaged();
    variable->second = values.empty() ? Mat() : Mat(Mat(cols, rows, CV_64F, &values[0]).t());
}

static void readVariable(const Reader::Element& element, bool swapped, Variables& variables)
{
    if (element.type == MI_MATRIX && element.size <= MAX_VARIABLE)
        readMatrix(element, swapped, variables);
    std::vector<uchar> plain;
    if (element.type == MI_COMPRESSED && !inflated(element.data, element.size, MAX_VARIABLE, plain))
        Reader::damaged();
    if (plain.empty())
        return;
    const Reader::Element inner = Reader(plain.data(), plain.data() + plain.size(), swapped).next();
    if (inner.type != MI_MATRIX)
        Reader::damaged();
    readMatrix(inner, swapped, variables);
}

static void readVariables(const std::vector<uchar>& bytes, Variables& variables)
{
    if (bytes.size() < HEADER || memcmp(&bytes[0], "MATLAB", 6) != 0)
        CV_Error(Error::StsParseError, "this is no MAT file");
    const bool little = bytes[126] == 'I';  // "IM" or "MI"
    const int version = bytes[little ? 125 : 124];
    if (version != 1)
        CV_Error(Error::StsParseError, format("this is a MAT file of version %d, expected 1 (MATLAB's -v6 or -v7)", version));
    const ushort one = 1;
    const bool swapped = little != (*reinterpret_cast<const uchar*>(&one) == 1);
    for (Reader reader(&bytes[0] + HEADER, &bytes[0] + bytes.size(), swapped); !reader.atEnd();)
        readVariable(reader.next(), swapped, variables);
}

std::map<String, Mat> readMatFile(const String& filename, const std::set<String>& names)
{
    const std::vector<uchar> bytes = loadBytes(filename, MAX_FILE);
    Variables variables;
    for (const String& name : names)
        variables[name] = Mat();
    try
    {
        readVariables(bytes, variables);
    }
    catch (const Exception& e)
    {
        CV_Error(e.code, format("\"%s\": %s", printable(filename).c_str(), e.err.c_str()));
    }
    return variables;
}

}}
