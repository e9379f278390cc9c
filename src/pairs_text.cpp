// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs_text.hpp"
#include "file_io.hpp"
#include "utf8.hpp"

#include <limits>
#include <locale>
#include <sstream>

namespace cv { namespace semcorr {

static String trimmed(const String& text)
{
    const char blanks[] = " \t\r";
    const size_t first = text.find_first_not_of(blanks);
    return first == String::npos ? String() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<TextLine> readLines(const String& filename)
{
    const size_t longest = 256 << 20;
    const std::vector<uchar> bytes = loadBytes(filename, longest);
    std::vector<TextLine> lines;
    size_t begin = bytes.size() >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0;
    for (int number = 1; begin < bytes.size(); number++)
    {
        const size_t end = std::find(bytes.begin() + begin, bytes.end(), (uchar)'\n') - bytes.begin();
        const TextLine line = { filename + format(":%d", number), trimmed(String(bytes.begin() + begin, bytes.begin() + end)) };
        if (!line.text.empty())
            lines.push_back(line);
        begin = end + 1;
    }
    return lines;
}

std::vector<String> splitCells(const String& line, char separator)
{
    std::vector<String> cells(1);
    bool quoted = false;
    for (size_t i = 0; i < line.size(); i++)
    {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
            cells.back() += line[i++];
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == separator && !quoted)
            cells.push_back(String());
        else
            cells.back() += line[i];
    }
    if (quoted)
        CV_Error(Error::StsParseError, "a quote is not closed");
    for (size_t i = 0; i < cells.size(); i++)
        cells[i] = trimmed(cells[i]);
    return cells;
}

double parseNumber(const String& text)
{
    std::istringstream stream(text);
    stream.imbue(std::locale::classic());
    double value = 0;
    if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof() || !(std::abs(value) <= DBL_MAX))
        CV_Error(Error::StsParseError, format("\"%s\" is no number", printable(text).c_str()));
    return value;
}

int parseInt(const String& text)
{
    const double value = parseNumber(text);
    if (value != std::floor(value) || std::abs(value) > 1e9)
        CV_Error(Error::StsParseError, format("\"%s\" is no integer", printable(text).c_str()));
    return (int)value;
}

float parseCoordinate(const String& text)
{
    if (text.empty() || text == "nan" || text == "NaN")
        return std::numeric_limits<float>::quiet_NaN();
    return (float)parseNumber(text);
}

CsvTable::CsvTable(const String& filename) : lines(readLines(filename))
{
    if (lines.empty())
        CV_Error(Error::StsParseError, format("\"%s\" is empty, expected a line that names the columns",
                                              printable(filename).c_str()));
    place = lines[0].place;
    names = splitCells(lines[0].text, ',');
    lines.erase(lines.begin());
}

int CsvTable::findColumn(const String& name) const
{
    const size_t i = std::find(names.begin(), names.end(), name) - names.begin();
    return i < names.size() ? (int)i : -1;
}

int CsvTable::column(const String& name) const
{
    const int i = findColumn(name);
    if (i < 0)
        CV_Error(Error::StsParseError, format("%s: no column is named \"%s\"%s", printable(place).c_str(), printable(name).c_str(),
                                              names.size() == 1 ? ", nor is there any comma, which parts columns" : ""));
    return i;
}

std::vector<String> CsvTable::cells(const TextLine& row) const
{
    const std::vector<String> values = splitCells(row.text, ',');
    if (values.size() != names.size())
        CV_Error(Error::StsParseError, format("%d cells, expected %d as in the first line", (int)values.size(),
                                              (int)names.size()));
    return values;
}

}}
