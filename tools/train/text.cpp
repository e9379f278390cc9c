// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "text.hpp"

#include <sstream>

#include "utf8.hpp"

namespace train {

std::string toUtf8(const std::string& text)
{
    std::string result;
    for (size_t i = 0; i < text.size();)
    {
        const bool control = (unsigned char)text[i] < 0x20;  // a line's end, for one
        const size_t length = control ? 1 : cv::semcorr::utf8Length(text, i);
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
