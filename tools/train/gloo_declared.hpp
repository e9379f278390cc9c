// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_GLOO_DECLARED_HPP
#define SEMCORR_TRAIN_GLOO_DECLARED_HPP

// pip's torch brings the library with Gloo and c10d's header of its processes, but not Gloo's own headers. That header names the
// types below and holds them by pointer, so that these names are enough to compile it; nothing here is ever called or made.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Context
{
public:
    void setTimeout(std::chrono::milliseconds timeout);
};

namespace rendezvous {

class Store
{
public:
    virtual ~Store();
    virtual void set(const std::string& key, const std::vector<char>& value) = 0;
    virtual std::vector<char> get(const std::string& key) = 0;
    virtual void wait(const std::vector<std::string>& keys) = 0;
    virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};

}

namespace transport {

class Device;
class UnboundBuffer;

}}

#endif
