// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PAIRS_TEXT_HPP
#define OPENCV_SEMCORR_PAIRS_TEXT_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

struct TextLine
{
    String place;  // "file:line", for error texts
    String text;
};

// The lines of a text file that are not blank, without their ends and a byte order mark
std::vector<TextLine> readLines(const String& filename);

// Cells between separators, without blanks around them; a cell in double quotes may hold separators, and "" for a quote
std::vector<String> splitCells(const String& line, char separator);

// Decimal numbers, whatever the locale. Throw for anything else, naming the text.
double parseNumber(const String& text);
int parseInt(const String& text);

// A pixel coordinate; not a number for a cell that is empty or "nan"
float parseCoordinate(const String& text);

// File of comma-separated values whose first line names the columns
class CsvTable
{
public:
    explicit CsvTable(const String& filename);

    int findColumn(const String& name) const;  // -1: there is none
    int column(const String& name) const;      // throws when there is none
    int columnCount() const { return (int)names.size(); }
    const std::vector<TextLine>& rows() const { return lines; }
    // Throws unless there are as many as columns.
    std::vector<String> cells(const TextLine& row) const;

private:
    String place;  // of the first line
    std::vector<String> names;
    std::vector<TextLine> lines;
};

}}

#endif
