// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "progress.hpp"

#include <cstdio>

#include "opencv2/core.hpp"
#ifdef _WIN32
#include <io.h>
#define isatty _isatty
#define fileno _fileno
#else
#include <unistd.h>
#endif

namespace train {

Progress::Progress(const std::string& title_, int total_, int done, bool quiet_)
    : title(title_), total(total_), start(done), quiet(quiet_), terminal(isatty(fileno(stdout)) != 0),
      begin(std::chrono::steady_clock::now()), shown(-1e9), drawn(false)
{
}

Progress::~Progress()
{
    clear();
}

double Progress::seconds() const
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void Progress::clear()
{
    if (drawn)
        std::printf("\r\033[K");
    drawn = false;
    std::fflush(stdout);
}

void Progress::update(int done, const std::string& note)
{
    const double now = seconds();
    if (quiet || (done < total && now - shown < (terminal ? 0.2 : 10)))
        return;
    shown = now;
    const int left = done > start ? cvRound(now / (done - start) * (total - done)) : 0;
    const std::string line = cv::format("%s %d/%d  %s%s%d:%02d left", title.c_str(), done, total, note.c_str(),
                                        note.empty() ? "" : "  ", left / 60, left % 60);
    if (!terminal)
    {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
        return;
    }
    const int width = 24, full = (int)((int64_t)width * done / std::max(total, 1));
    std::printf("\r\033[K[%s%s] %s", std::string(full, '#').c_str(), std::string(width - full, '.').c_str(), line.c_str());
    std::fflush(stdout);
    drawn = true;
}

void Progress::say(const std::string& line)
{
    if (quiet)
        return;
    clear();
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

}
