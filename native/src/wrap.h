// A JavaScript class over a native state, with the checks that every method needs in one place.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "addon.h"
#include "errors.h"

namespace spillway {

/// `T` names itself (`kName`, `kTag`) and what it stands on: a `State` that says whether it is
/// `Unusable()`. JavaScript cannot construct one; native code does, with New().
template <class T, class State>
class Wrap : public Napi::ObjectWrap<T> {
 public:
  /// Defines the class for this environment.
  static void Define(Napi::Env env, const std::initializer_list<Napi::ClassPropertyDescriptor<T>>& members) {
    Addon::Of(env).constructors[&T::kTag] = Napi::Persistent(Napi::ObjectWrap<T>::DefineClass(env, T::kName, members));
  }

  static Napi::Value New(Napi::Env env, std::shared_ptr<State> state) {
    Addon& addon = Addon::Of(env);
    addon.construction = std::move(state);
    Napi::Value object = addon.constructors[&T::kTag].New({});
    // Still there if the constructor could not run, as in a worker that is being terminated.
    addon.construction.reset();
    return object;
  }

  explicit Wrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {
    state_ = std::static_pointer_cast<State>(std::move(Addon::Of(info.Env()).construction));
    if (state_ == nullptr) {
      ThrowTypeError(info.Env(), std::string(T::kName) + " cannot be constructed");
      return;
    }
    napi_type_tag_object(info.Env(), info.This(), &T::kTag);
  }

 protected:
  /// A method that is refused once the state is unusable.
  template <Napi::Value (T::*Member)(const Napi::CallbackInfo&)>
  static Napi::ClassPropertyDescriptor<T> Method(const char* name) {
    return napi_property_descriptor{name, nullptr, Call<Member, false>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
  }

  /// A read-only property, refused likewise.
  template <Napi::Value (T::*Member)(const Napi::CallbackInfo&)>
  static Napi::ClassPropertyDescriptor<T> Getter(const char* name) {
    return napi_property_descriptor{name, nullptr, nullptr, Call<Member, false>, nullptr, nullptr, napi_enumerable, nullptr};
  }

  /// close(), which may be called any number of times.
  static Napi::ClassPropertyDescriptor<T> CloseMethod() {
    return napi_property_descriptor{"close", nullptr, Call<&Wrap::Close, true>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
  }

  const std::shared_ptr<State>& state() const { return state_; }

 private:
  Napi::Value Close(const Napi::CallbackInfo& info) {
    state_->Close();
    return info.Env().Undefined();
  }

  template <auto Member, bool kWhenUnusable>
  static napi_value Call(napi_env env, napi_callback_info raw) {
    Napi::CallbackInfo info(env, raw);
    // napi_unwrap alone would hand any wrapped object's pointer out as a T.
    bool tagged = false;
    if (napi_check_object_type_tag(env, info.This(), &T::kTag, &tagged) != napi_ok || !tagged) {
      ThrowTypeError(env, std::string("this is not a ") + T::kName);
      return nullptr;
    }
    T* self = Napi::ObjectWrap<T>::Unwrap(info.This().template As<Napi::Object>());
    const char* why = kWhenUnusable ? nullptr : self->state_->Unusable();
    if (why != nullptr) {
      ThrowTypeError(env, std::string(T::kName) + " " + why);
      return nullptr;
    }
    return (self->*Member)(info);
  }

  std::shared_ptr<State> state_;
};

}  // namespace spillway
