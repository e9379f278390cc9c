// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "text.hpp"

#include <sstream>

#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

// Of the character at text[i]; 0 if there is none of valid UTF-8
static size_t lengthOfCharacter(const std::string& text, size_t i)
{
    static const size_t LONGEST = 4;
    if ((unsigned char)text[i] < 0x20)  // printable() replaces those, too
        return 1;
    for (size_t length = 1; length <= LONGEST; length++)
    {
        const std::string character = text.substr(i, length);
        if (printable(character) == character)
            return length;
    }
    return 0;
}

std::string toUtf8(const std::string& text)
{
    std::string result;
    for (size_t i = 0; i < text.size();)
    {
        const size_t length = lengthOfCharacter(text, i);
        result += length ? text.substr(i, length) : "?";
        i += std::max(length, (size_t)1);
    }
    return result;
}

std::string messageOf(const cv::Exception& e)
{
    static const std::string MARK = "> ";
    std::istringstream stream(e.err);
    std::string text;
    for (std::string line; std::getline(stream, line);)
    {
        if (line.compare(0, MARK.size(), MARK) != 0)
            return e.err;  // one line, as it was thrown
        text += (text.empty() ? "" : "\n") + line.substr(MARK.size());
    }
    return text;
}

}
