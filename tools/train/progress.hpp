// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_PROGRESS_HPP
#define SEMCORR_TRAIN_PROGRESS_HPP

#include <chrono>
#include <string>

namespace train {

// A bar with the remaining time on a terminal; elsewhere a line every ten seconds
class Progress
{
public:
    // done: where it starts; quiet: prints nothing
    Progress(const std::string& title, int total, int done = 0, bool quiet = false);
    ~Progress();

    // note: what is shown beside the bar
    void update(int done, const std::string& note = std::string());

    // A line that stays
    void say(const std::string& line);

private:
    double seconds() const;
    void clear();

    const std::string title;
    const int total, start;
    const bool quiet, terminal;
    const std::chrono::steady_clock::time_point begin;
    double shown;  // seconds, when something was printed last
    bool drawn;    // whether the terminal's line holds the bar
};

}

#endif
