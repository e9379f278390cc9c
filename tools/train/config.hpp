// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_CONFIG_HPP
#define SEMCORR_TRAIN_CONFIG_HPP

#include <string>
#include <vector>

namespace train {

// A line "name: value" of a file
struct ConfigLine
{
    std::string name, value;
    std::string place;  // "file:line"
};

// The lines of a YAML file that holds nothing else, comments and markers apart. Values are plain text up to the line's end or
// " #", or in quotes, and are taken as they are: 3-3 is no number and "yes" no flag, and an empty one is the empty text. Not by
// cv::FileStorage, which guesses what plain values are and takes no long ones. Throws for other files, naming file and line.
std::vector<ConfigLine> readConfig(const std::string& file);

// A value in quotes, as readConfig takes it, on one line
std::string quoted(const std::string& value);

}

#endif
