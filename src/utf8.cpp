// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "utf8.hpp"

namespace cv { namespace semcorr {

size_t utf8Length(const String& text, size_t i)
{
    const uchar lead = (uchar)text[i];
    if (lead < 0x80)
        return lead >= 0x20 ? 1 : 0;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (i + length > text.size())
        return 0;
    for (size_t k = 1; k < length; k++)
        if (((uchar)text[i + k] & 0xC0) != 0x80)
            return 0;
    // overlong forms, surrogates and what lies above U+10FFFF
    const uchar second = (uchar)text[i + 1];
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F))
        return 0;
    return length;
}

String printable(const String& text)
{
    const size_t longest = 400;
    String result;
    for (size_t i = 0; i < text.size();)
    {
        if (result.size() >= longest)
            return result + "...";
        const size_t length = utf8Length(text, i);
        if (length == 0)
            result += text[i] == '\n' ? ' ' : '?';
        else
            result += text.substr(i, length);
        i += std::max(length, (size_t)1);
    }
    return result;
}

}}
