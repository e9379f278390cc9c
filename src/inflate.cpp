// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "inflate.hpp"

#include <zlib.h>

namespace cv { namespace semcorr {

bool inflated(const uchar* data, size_t size, size_t limit, std::vector<uchar>& content)
{
    enum { ZLIB_OR_GZIP = 32 };
    content.resize(1024);
    z_stream stream = z_stream();
    stream.next_in = const_cast<uchar*>(data);
    stream.avail_in = (uInt)size;
    int status = inflateInit2(&stream, ZLIB_OR_GZIP + MAX_WBITS);
    while (status == Z_OK && stream.total_out < limit)
    {
        if (stream.total_out == content.size())
            content.resize(std::min(2 * content.size(), limit));
        stream.next_out = &content[stream.total_out];
        stream.avail_out = (uInt)(content.size() - stream.total_out);
        status = inflate(&stream, Z_NO_FLUSH);
    }
    content.resize(status == Z_OK ? 0 : stream.total_out);
    inflateEnd(&stream);
    return status == Z_OK || status == Z_STREAM_END;
}

}}
